"""Pages of deliveries. A delivery without a log is shown from its open chunk."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest

from core.chunk_work import Batch, DecidedDelivery, History, WaitingDelivery, Work
from ledger.log_pages import log_pages
from ledger.ports import Ledger
from ledger.queries import LogPage, LogQuery
from schemas.statuses import Reason, Status
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import PENDING, a_request, claim_token, described, find, list_lines
from tests.support.builders import ACCEPTED_AT, TENANT, a_chunk, a_claim, a_head, a_key, a_log, some_counts


async def test_where_nothing_is_there_is_an_empty_page(ledger: Ledger) -> None:
    assert await find(ledger) == LogPage([], 0)


async def test_a_delivery_without_a_log_is_shown_from_its_chunk(ledger: Ledger) -> None:
    await a_request(ledger, a_head(template_id="tpl_1"), a_chunk(size=2, references=[None, "order-2"]))

    page = await find(ledger)

    assert page.total == 2
    shown = a_log(index=1, reference="order-2", status=Status.PENDING, provider=None, attempts=0)
    assert page.items[1] == shown._replace(template_id="tpl_1", updated_at=ACCEPTED_AT)


async def test_every_place_of_the_work_is_pending_and_knows_its_attempts(ledger: Ledger) -> None:
    chunk = a_chunk(first=10, size=8, window_size=2)
    await a_request(ledger, None, chunk)
    taken = await ledger.chunks.claim(chunk.id, a_claim())
    assert taken is not None
    work = Work(
        untried=((15, 16),),
        retries=(WaitingDelivery(14, 2, ledger.now()), WaitingDelivery(12, 1, ledger.now())),
        decided=(DecidedDelivery(13, Status.FAILED, Reason.REJECTED, attempts=3),),
        counts=some_counts(sent=2),
        unacknowledged=((16, 18),),
    )
    await ledger.chunks.advance(taken.token, work, taken.window)
    await ledger.logs.insert_or_get([a_log(index=16), a_log(index=17)])

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
    hold = await claim_token(ledger, chunk)
    await ledger.chunks.release(hold, Work(next=Batch(((0, 2),), 1)), ledger.now() + timedelta(seconds=60))

    page = await find(ledger)

    assert [(log.status, log.outcome, log.attempts) for log in page.items] == [(Status.PENDING, Status.PENDING, 1)] * 2


async def test_a_delivery_that_waits_for_a_retry_has_the_last_answer_and_the_time_of_the_next_try(
    ledger: Ledger,
) -> None:
    soon = ledger.now() + timedelta(seconds=60)
    busy = History(timedelta(seconds=9), Reason.UNAVAILABLE, "first")
    limited = History(timedelta(seconds=9), Reason.RATE_LIMITED, "second")
    chunk = a_chunk(size=4)
    await a_request(ledger, None, chunk)
    work = Work(
        next=Batch(((0, 1),), 2, histories={0: busy}),
        untried=((1, 2),),
        retries=(WaitingDelivery(3, 1, soon + timedelta(seconds=5), history=limited),),
        counts=some_counts(sent=1),
    )
    await ledger.chunks.release(await claim_token(ledger, chunk), work, soon)

    page = await find(ledger, statuses=PENDING)

    assert [(log.reason, log.provider, log.attempts, log.next_attempt_at) for log in page.items] == [
        (Reason.UNAVAILABLE, "first", 2, soon),
        (None, None, 0, None),
        (Reason.RATE_LIMITED, "second", 1, soon + timedelta(seconds=5)),
    ]
    tried = await find(ledger, statuses=frozenset({Status.PENDING}), tried_only=True, page_size=1)
    assert (tried.items, tried.total, tried.has_more) == (page.items[:1], 2, True)
    assert await ledger.logs.get(TENANT, page.items[2].id) == page.items[2]


async def test_a_delivery_that_is_being_tried_has_its_last_answer_and_no_next_try(ledger: Ledger) -> None:
    busy = History(timedelta(seconds=9), Reason.UNAVAILABLE, "first")
    chunk = a_chunk(size=1, work=Work(next=Batch(((0, 1),), 2, histories={0: busy})))
    await a_request(ledger, None, chunk)
    await claim_token(ledger, chunk)

    (log,) = (await find(ledger)).items
    assert (log.reason, log.provider, log.next_attempt_at) == (Reason.UNAVAILABLE, "first", None)


@pytest.mark.parametrize("stopped", [{"pauses": 1}, {"cancelled": True}, {"expires_at": ACCEPTED_AT}])
async def test_a_delivery_that_will_not_be_tried_has_no_next_try(ledger: Ledger, stopped: dict[str, Any]) -> None:
    busy = History(timedelta(seconds=9), Reason.UNAVAILABLE, "first")
    soon = ledger.now() + timedelta(seconds=60)
    work = Work(retries=(WaitingDelivery(0, 1, soon, history=busy),))
    await a_request(ledger, None, a_chunk(size=1, work=work, **stopped))

    (log,) = (await find(ledger)).items
    assert (log.reason, log.next_attempt_at) == (Reason.UNAVAILABLE, None)


async def test_what_waits_for_its_time_is_scheduled_until_it_is_due(ledger: Ledger, wait: Wait) -> None:
    await a_request(ledger, None, a_chunk(size=1, due_at=ledger.now() + timedelta(seconds=100)))
    before = await find(ledger)
    await wait(101)

    assert [(log.status, log.outcome) for log in before.items] == [(Status.SCHEDULED, Status.SCHEDULED)]
    assert await list_lines(ledger) == ["req-1 0.0 pending"]


async def test_what_was_tried_is_pending_though_its_next_time_is_far(ledger: Ledger) -> None:
    chunk = a_chunk(size=1)
    await a_request(ledger, None, chunk)
    far = ledger.now() + timedelta(hours=1)
    await ledger.chunks.release(await claim_token(ledger, chunk), Work(retries=(WaitingDelivery(0, 1, far),)), far)

    assert await list_lines(ledger) == ["req-1 0.0 pending"]


async def test_a_log_of_an_open_window_hides_its_line(ledger: Ledger) -> None:
    chunk = a_chunk(size=3)
    await a_request(ledger, None, chunk)
    await claim_token(ledger, chunk)
    await ledger.logs.insert_or_get([a_log(index=1)])

    assert await list_lines(ledger) == ["req-1 0.0 pending", "req-1 0.1 sent", "req-1 0.2 pending"]
    assert await list_lines(ledger, statuses=PENDING) == ["req-1 0.0 pending", "req-1 0.2 pending"]
    assert await list_lines(ledger, statuses=frozenset({Status.SENT})) == ["req-1 0.1 sent"]


async def test_a_log_hides_a_decided_line(ledger: Ledger) -> None:
    decided = (DecidedDelivery(0, Status.FAILED, Reason.INVALID_RECIPIENT),)
    chunk = a_chunk(size=2, work=Work(next=Batch(((1, 2),)), decided=decided))
    await a_request(ledger, None, chunk)
    await claim_token(ledger, chunk)
    await ledger.logs.insert_or_get([a_log(index=0, status=Status.FAILED, reason=Reason.INVALID_RECIPIENT)])

    assert await list_lines(ledger) == ["req-1 0.0 failed", "req-1 0.1 pending"]


async def test_a_late_log_hides_a_line_that_another_put_back(ledger: Ledger) -> None:
    chunk = a_chunk(size=2)
    await a_request(ledger, None, chunk)
    far = ledger.now() + timedelta(hours=1)
    work = Work(retries=tuple(WaitingDelivery(index, 1, far, possibly_sent=True) for index in range(2)))
    await ledger.chunks.release(await claim_token(ledger, chunk), work, far)
    await ledger.logs.insert_or_get([a_log(index=1)])

    assert await list_lines(ledger) == ["req-1 0.0 pending", "req-1 0.1 sent"]
    assert await list_lines(ledger, statuses=PENDING) == ["req-1 0.0 pending"]


async def test_a_closed_chunk_shows_its_logs_alone(ledger: Ledger) -> None:
    chunk = a_chunk(size=2)
    await a_request(ledger, None, chunk)
    hold = await claim_token(ledger, chunk)
    await ledger.logs.insert_or_get([a_log(index=0), a_log(index=1, status=Status.UNKNOWN)])
    await ledger.chunks.close(hold, some_counts(sent=1, unknown=1))

    assert await list_lines(ledger) == ["req-1 0.0 sent", "req-1 0.1 unknown"]
    assert await list_lines(ledger, statuses=PENDING) == []


async def test_the_newest_request_comes_first_and_each_in_its_order(ledger: Ledger) -> None:
    for hours, name in enumerate(("old", "middle", "new")):
        head = a_head(name, accepted_at=ACCEPTED_AT + timedelta(hours=hours))
        chunks = [a_chunk(name, part=1, size=1), a_chunk(name, size=2, first=2), a_chunk(name, size=2)]
        await a_request(ledger, head, *chunks)
        await claim_token(ledger, chunks[2])
        await ledger.logs.insert_or_get([a_log(name, 1, accepted_at=head.accepted_at)])

    assert await list_lines(ledger) == [
        f"{name} {place}"
        for name in ("new", "middle", "old")
        for place in ("0.0 pending", "0.1 sent", "0.2 pending", "0.3 pending", "1.0 pending")
    ]


async def test_requests_accepted_at_the_same_time_come_by_their_key(ledger: Ledger) -> None:
    names = sorted(("a", "b", "c"), key=a_key)
    for name in names:
        chunk = a_chunk(name, size=2)
        await a_request(ledger, a_head(name), chunk)
        await claim_token(ledger, chunk)
        await ledger.logs.insert_or_get([a_log(name, 1)])

    assert await list_lines(ledger) == [f"{name} {line}" for name in names for line in ("0.0 pending", "0.1 sent")]


@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 7, 10, 11])
async def test_pages_join_into_the_whole(ledger: Ledger, page_size: int) -> None:
    for hours, name in enumerate(("old", "new")):
        head = a_head(name, accepted_at=ACCEPTED_AT + timedelta(hours=hours))
        chunks = [a_chunk(name, size=3), a_chunk(name, size=2, first=3)]
        await a_request(ledger, head, *chunks)
        await claim_token(ledger, chunks[0])
        await claim_token(ledger, chunks[1])
        await ledger.logs.insert_or_get([a_log(name, index, accepted_at=head.accepted_at) for index in (0, 2, 3)])
    whole = await list_lines(ledger)

    pages = [await find(ledger, page=page, page_size=page_size) for page in range(1, 10 // page_size + 3)]

    assert [described(log) for page in pages for log in page.items] == whole
    assert {page.total for page in pages} == {10}
    assert all(len(page.items) <= page_size for page in pages)


async def test_pages_of_pending_and_of_logged_deliveries_join_as_well(ledger: Ledger) -> None:
    chunk = a_chunk(size=7)
    await a_request(ledger, None, chunk)
    await claim_token(ledger, chunk)
    await ledger.logs.insert_or_get([a_log(index=index) for index in (1, 2, 5)])

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
    await claim_token(ledger, now)
    await ledger.logs.insert_or_get([a_log(index=1), a_log(index=2, status=Status.FAILED)])

    page = await find(ledger, statuses=frozenset(statuses))

    assert [int(log.id[-1]) for log in page.items] == expected
    assert page.total == len(expected)


async def test_a_log_is_found_by_the_status_that_receipts_gave_it(ledger: Ledger) -> None:
    await ledger.logs.insert_or_get([a_log(status=Status.DELIVERED, outcome=Status.SENT)])

    assert await list_lines(ledger, statuses=frozenset({Status.DELIVERED})) == ["req-1 0.0 delivered"]
    assert await list_lines(ledger, statuses=frozenset({Status.SENT})) == []


async def test_all_deliveries_of_a_query_come_page_by_page(ledger: Ledger) -> None:
    await a_request(ledger, None, a_chunk(size=5))
    await ledger.logs.insert_or_get([a_log("req-2", index) for index in range(4)])

    pages = [[log.id for log in page] async for page in log_pages(ledger, LogQuery(TENANT), 2)]

    assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
    assert {log_id for page in pages for log_id in page} == {
        *(a_log("req-1", index).id for index in range(5)),
        *(a_log("req-2", index).id for index in range(4)),
    }


async def test_a_query_without_deliveries_has_no_page(ledger: Ledger) -> None:
    assert [page async for page in log_pages(ledger, LogQuery(TENANT))] == []
