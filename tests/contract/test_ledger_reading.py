"""Reading deliveries: those with a log are their log, those without are shown from their open chunk."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest

from core.work import Batch, Decided, Line, Work
from ledger.ports import Ledger
from ledger.reading import LogQuery, Page
from ledger.values import Chunk, Head, Hold, Log
from schemas.statuses import Channel, Reason, Status
from tests.builders import ACCEPTED_AT, TENANT, a_chunk, a_claim, a_hash, a_head, a_key, a_log, a_part, some_counts
from tests.contract.conftest import Wait

PENDING = frozenset({Status.PENDING, Status.SCHEDULED})


async def a_request(ledger: Ledger, head: Head | None = None, *chunks: Chunk) -> None:
    """A request with its chunks written."""
    await ledger.requests.begin(head or a_head(), a_part(last=False))
    for chunk in chunks or (a_chunk(),):
        await ledger.chunks.insert(chunk)


async def held(ledger: Ledger, chunk: Chunk) -> Hold:
    taken = await ledger.chunks.claim(chunk.id, a_claim())
    assert taken is not None
    return taken.hold


async def find(ledger: Ledger, **conditions: object) -> Page:
    return await ledger.logs.find(LogQuery(**{"tenant_id": TENANT, **conditions}))  # type: ignore[arg-type]


async def shown(ledger: Ledger, **conditions: object) -> list[str]:
    """Request, place and status of each delivery on the page, such as `req-1 0.2 sent`; the total must agree."""
    page = await find(ledger, **{"page_size": 100, **conditions})
    assert page.total == len(page.items)
    return [described(log) for log in page.items]


def described(log: Log) -> str:
    return f"{log.request_id} {int(log.id[-9:-5], 16)}.{int(log.id[-5:], 16)} {log.status.value}"


async def test_where_nothing_is_there_is_an_empty_page(ledger: Ledger) -> None:
    assert await find(ledger) == Page([], 0)


async def test_a_delivery_without_a_log_is_shown_from_its_chunk(ledger: Ledger) -> None:
    await a_request(ledger, a_head(template_id="tpl_1"), a_chunk(size=2, references=[None, "order-2"]))

    page = await find(ledger)

    assert page.total == 2
    assert page.items[1] == replace(
        a_log(index=1, reference="order-2", status=Status.PENDING, provider=None, attempts=0),
        template_id="tpl_1",
        updated_at=ACCEPTED_AT,
    )


async def test_every_place_of_the_work_is_pending_and_knows_its_attempts(ledger: Ledger) -> None:
    chunk = a_chunk(first=10, size=8, window_size=2)
    await a_request(ledger, None, chunk)
    taken = await ledger.chunks.claim(chunk.id, a_claim())
    assert taken is not None
    work = Work(
        todo=((15, 16),),
        later=(Line(14, 2, ledger.now()), Line(12, 1, ledger.now())),
        decided=(Decided(13, Status.FAILED, Reason.REJECTED, attempts=3),),
        counts=some_counts(sent=2),
        unacked=((16, 18),),
    )
    await ledger.chunks.advance(taken.hold, work, taken.window)
    await ledger.logs.insert([a_log(index=16), a_log(index=17)])

    page = await find(ledger, statuses=PENDING)

    assert [(log.id[-5:], log.recipient, log.attempts) for log in page.items] == [
        ("0000a", "***r10", 0),
        ("0000b", "***r11", 0),
        ("0000c", "***r12", 1),
        ("0000d", "***r13", 3),
        ("0000e", "***r14", 2),
        ("0000f", "***r15", 0),
    ]


async def test_the_next_batch_of_a_released_chunk_is_pending_with_its_attempts(ledger: Ledger) -> None:
    chunk = a_chunk(size=2)
    await a_request(ledger, None, chunk)
    hold = await held(ledger, chunk)
    await ledger.chunks.release(hold, Work(next=Batch(((0, 2),), 1)), ledger.now() + timedelta(seconds=60))

    page = await find(ledger)

    assert [(log.status, log.outcome, log.attempts) for log in page.items] == [(Status.PENDING, Status.PENDING, 1)] * 2


async def test_what_waits_for_its_time_is_scheduled_until_it_is_due(ledger: Ledger, wait: Wait) -> None:
    await a_request(ledger, None, a_chunk(size=1, due_at=ledger.now() + timedelta(seconds=100)))
    before = await find(ledger)
    await wait(101)

    assert [(log.status, log.outcome) for log in before.items] == [(Status.SCHEDULED, Status.SCHEDULED)]
    assert await shown(ledger) == ["req-1 0.0 pending"]


async def test_what_was_tried_is_pending_though_its_next_time_is_far(ledger: Ledger) -> None:
    chunk = a_chunk(size=1)
    await a_request(ledger, None, chunk)
    far = ledger.now() + timedelta(hours=1)
    await ledger.chunks.release(await held(ledger, chunk), Work(later=(Line(0, 1, far),)), far)

    assert await shown(ledger) == ["req-1 0.0 pending"]


async def test_a_log_of_an_open_window_hides_its_line(ledger: Ledger) -> None:
    chunk = a_chunk(size=3)
    await a_request(ledger, None, chunk)
    await held(ledger, chunk)
    await ledger.logs.insert([a_log(index=1)])

    assert await shown(ledger) == ["req-1 0.0 pending", "req-1 0.1 sent", "req-1 0.2 pending"]
    assert await shown(ledger, statuses=PENDING) == ["req-1 0.0 pending", "req-1 0.2 pending"]
    assert await shown(ledger, statuses=frozenset({Status.SENT})) == ["req-1 0.1 sent"]


async def test_a_log_hides_a_decided_line(ledger: Ledger) -> None:
    decided = (Decided(0, Status.FAILED, Reason.INVALID_RECIPIENT),)
    chunk = a_chunk(size=2, work=Work(next=Batch(((1, 2),)), decided=decided))
    await a_request(ledger, None, chunk)
    await held(ledger, chunk)
    await ledger.logs.insert([a_log(index=0, status=Status.FAILED, reason=Reason.INVALID_RECIPIENT)])

    assert await shown(ledger) == ["req-1 0.0 failed", "req-1 0.1 pending"]


async def test_a_late_log_hides_a_line_that_another_put_back(ledger: Ledger) -> None:
    chunk = a_chunk(size=2)
    await a_request(ledger, None, chunk)
    far = ledger.now() + timedelta(hours=1)
    work = Work(later=tuple(Line(index, 1, far, tainted=True) for index in range(2)))
    await ledger.chunks.release(await held(ledger, chunk), work, far)
    await ledger.logs.insert([a_log(index=1)])

    assert await shown(ledger) == ["req-1 0.0 pending", "req-1 0.1 sent"]
    assert await shown(ledger, statuses=PENDING) == ["req-1 0.0 pending"]


async def test_a_closed_chunk_shows_its_logs_alone(ledger: Ledger) -> None:
    chunk = a_chunk(size=2)
    await a_request(ledger, None, chunk)
    hold = await held(ledger, chunk)
    await ledger.logs.insert([a_log(index=0), a_log(index=1, status=Status.UNKNOWN)])
    await ledger.chunks.close(hold, some_counts(sent=1, unknown=1))

    assert await shown(ledger) == ["req-1 0.0 sent", "req-1 0.1 unknown"]
    assert await shown(ledger, statuses=PENDING) == []


async def test_the_newest_request_comes_first_and_each_in_its_order(ledger: Ledger) -> None:
    for hours, name in enumerate(("old", "middle", "new")):
        head = a_head(name, accepted_at=ACCEPTED_AT + timedelta(hours=hours))
        chunks = [a_chunk(name, part=1, size=1), a_chunk(name, size=2, first=2), a_chunk(name, size=2)]
        await a_request(ledger, head, *chunks)
        await held(ledger, chunks[2])
        await ledger.logs.insert([a_log(name, 1, accepted_at=head.accepted_at)])

    assert await shown(ledger) == [
        f"{name} {place}"
        for name in ("new", "middle", "old")
        for place in ("0.0 pending", "0.1 sent", "0.2 pending", "0.3 pending", "1.0 pending")
    ]


async def test_requests_accepted_at_the_same_time_come_by_their_key(ledger: Ledger) -> None:
    names = sorted(("a", "b", "c"), key=a_key)
    for name in names:
        chunk = a_chunk(name, size=2)
        await a_request(ledger, a_head(name), chunk)
        await held(ledger, chunk)
        await ledger.logs.insert([a_log(name, 1)])

    assert await shown(ledger) == [f"{name} {line}" for name in names for line in ("0.0 pending", "0.1 sent")]


@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 7, 10, 11])
async def test_pages_join_into_the_whole(ledger: Ledger, page_size: int) -> None:
    for hours, name in enumerate(("old", "new")):
        head = a_head(name, accepted_at=ACCEPTED_AT + timedelta(hours=hours))
        chunks = [a_chunk(name, size=3), a_chunk(name, size=2, first=3)]
        await a_request(ledger, head, *chunks)
        await held(ledger, chunks[0])
        await held(ledger, chunks[1])
        await ledger.logs.insert([a_log(name, index, accepted_at=head.accepted_at) for index in (0, 2, 3)])
    whole = await shown(ledger)

    pages = [await find(ledger, page=page, page_size=page_size) for page in range(1, 10 // page_size + 3)]

    assert [described(log) for page in pages for log in page.items] == whole
    assert {page.total for page in pages} == {10}
    assert all(len(page.items) <= page_size for page in pages)


async def test_pages_of_pending_and_of_logged_deliveries_join_as_well(ledger: Ledger) -> None:
    chunk = a_chunk(size=7)
    await a_request(ledger, None, chunk)
    await held(ledger, chunk)
    await ledger.logs.insert([a_log(index=index) for index in (1, 2, 5)])

    waiting = [await find(ledger, statuses=PENDING, page=page, page_size=2) for page in (1, 2, 3)]
    logged = [await find(ledger, statuses=frozenset({Status.SENT}), page=page, page_size=2) for page in (1, 2, 3)]

    assert [[log.id[-1] for log in page.items] for page in waiting] == [["0", "3"], ["4", "6"], []]
    assert [[log.id[-1] for log in page.items] for page in logged] == [["1", "2"], ["5"], []]
    assert {page.total for page in waiting} == {4}
    assert {page.total for page in logged} == {3}


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({Status.SENT}, [1]),
        ({Status.FAILED}, [2]),
        ({Status.SENT, Status.FAILED}, [1, 2]),
        ({Status.PENDING}, [0]),
        ({Status.SCHEDULED}, [3]),
        ({Status.PENDING, Status.SCHEDULED}, [0, 3]),
        ({Status.SCHEDULED, Status.FAILED}, [2, 3]),
        ({Status.PENDING, Status.SENT}, [0, 1]),
        ({Status.CANCELLED}, []),
        (set(), [0, 1, 2, 3]),
    ],
)
async def test_statuses_may_be_mixed(ledger: Ledger, statuses: Collection[Status], expected: list[int]) -> None:
    later = a_chunk(size=1, first=3, due_at=ledger.now() + timedelta(hours=1))
    now = a_chunk(size=3)
    await a_request(ledger, None, now, later)
    await held(ledger, now)
    await ledger.logs.insert([a_log(index=1), a_log(index=2, status=Status.FAILED)])

    page = await find(ledger, statuses=frozenset(statuses))

    assert [int(log.id[-1]) for log in page.items] == expected
    assert page.total == len(expected)


async def test_a_log_is_found_by_the_status_that_receipts_gave_it(ledger: Ledger) -> None:
    await ledger.logs.insert([a_log(status=Status.DELIVERED, outcome=Status.SENT)])

    assert await shown(ledger, statuses=frozenset({Status.DELIVERED})) == ["req-1 0.0 delivered"]
    assert await shown(ledger, statuses=frozenset({Status.SENT})) == []


async def a_pair(ledger: Ledger, head: Head, *, name: str = "r") -> None:
    """A request with one logged and one pending delivery, to recipients called `name` + 0 and 1."""
    chunk = a_chunk(
        head.request_id,
        tenant_id=head.tenant_id,
        channel=head.channel,
        size=2,
        names=[f"{name}0", f"{name}1"],
        references=[f"{head.request_id}-0", f"{head.request_id}-1"],
    )
    await a_request(ledger, head, chunk)
    await held(ledger, chunk)
    log = a_log(
        head.request_id,
        tenant_id=head.tenant_id,
        user_id=head.user_id,
        channel=head.channel,
        name=f"{name}0",
        reference=f"{head.request_id}-0",
        accepted_at=head.accepted_at,
    )
    await ledger.logs.insert([log])


async def test_no_tenant_sees_anothers_deliveries(ledger: Ledger) -> None:
    await a_pair(ledger, a_head())
    await a_pair(ledger, a_head("theirs", tenant_id="another"))

    assert await shown(ledger) == ["req-1 0.0 sent", "req-1 0.1 pending"]
    assert await shown(ledger, tenant_id="another") == ["theirs 0.0 sent", "theirs 0.1 pending"]
    assert await shown(ledger, key=a_key("theirs", "another")) == []


async def test_deliveries_are_found_by_user(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a", user_id="ann"))
    await a_pair(ledger, a_head("b", user_id="bob"))
    await a_pair(ledger, a_head("c", user_id=None))

    assert await shown(ledger, user_id="bob") == ["b 0.0 sent", "b 0.1 pending"]


async def test_deliveries_are_found_by_channel(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a"))
    await a_pair(ledger, a_head("b", channel=Channel.EMAIL))

    assert await shown(ledger, channel=Channel.EMAIL) == ["b 0.0 sent", "b 0.1 pending"]


async def test_deliveries_are_found_by_request(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a"))
    await a_pair(ledger, a_head("b"))

    assert await shown(ledger, key=a_key("b")) == ["b 0.0 sent", "b 0.1 pending"]
    assert await shown(ledger, key=a_key("c")) == []


async def test_deliveries_are_found_by_reference(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a"))
    await a_pair(ledger, a_head("b"))
    await a_request(ledger, a_head("c"), a_chunk("c"))

    assert await shown(ledger, reference="a-0") == ["a 0.0 sent"]
    assert await shown(ledger, reference="b-1") == ["b 0.1 pending"]


async def test_deliveries_are_found_by_recipient(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a"), name="x")
    await a_pair(ledger, a_head("b"), name="y")

    asked = frozenset({a_hash("x0"), a_hash("y1"), a_hash("nobody")})

    assert sorted(await shown(ledger, recipient_hashes=asked)) == ["a 0.0 sent", "b 0.1 pending"]


async def test_deliveries_are_found_by_time_of_acceptance_the_end_excluded(ledger: Ledger) -> None:
    times = [ACCEPTED_AT + timedelta(hours=hours) for hours in range(3)]
    for name, accepted_at in zip("abc", times, strict=True):
        await a_pair(ledger, a_head(name, accepted_at=accepted_at))

    assert await shown(ledger, accepted_from=times[1]) == [
        "c 0.0 sent",
        "c 0.1 pending",
        "b 0.0 sent",
        "b 0.1 pending",
    ]
    assert await shown(ledger, accepted_before=times[1]) == ["a 0.0 sent", "a 0.1 pending"]
    assert await shown(ledger, accepted_from=times[1], accepted_before=times[2]) == ["b 0.0 sent", "b 0.1 pending"]


async def test_every_condition_narrows(ledger: Ledger) -> None:
    await a_pair(ledger, a_head("a", user_id="ann"), name="x")
    await a_pair(ledger, a_head("b", user_id="bob"), name="x")
    both = frozenset({a_hash("x0"), a_hash("x1")})

    assert await shown(ledger, user_id="ann", recipient_hashes=both, statuses=PENDING) == ["a 0.1 pending"]
    assert await shown(ledger, user_id="ann", key=a_key("b")) == []
