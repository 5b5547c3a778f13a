"""Small requests as one document, in both ledgers. The tests in `chunks/` run for their chunks as well."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from core.chunk_work import Batch, Window
from core.ids import RequestKey
from ledger.models import Completion, StoredRequest
from ledger.ports import Ledger
from ledger.queries import LogQuery, RequestQuery
from ledger.request_control import cancel_request, pause_request, resume_request
from ledger.request_counts import count_request
from schemas.statuses import Channel, Lane, Reason, Status
from tests.contract.ledger.conftest import Wait
from tests.support.builders import TENANT, a_chunk, a_claim, a_head, a_key, a_log, a_part, some_counts

CHUNK = replace(a_chunk(lane=Lane.EXPRESS, size=3, sealed_secrets={1: b"pin"}), in_request=True)
HEAD = a_head(sealed_secrets=b"secrets of the request")
PART = a_part(size=3)
KEY = a_key()


async def stored(ledger: Ledger, key: RequestKey = KEY) -> StoredRequest:
    request = await ledger.requests.get(key)
    assert request is not None
    return request


async def test_the_request_is_as_if_it_had_been_expanded_step_by_step(ledger: Ledger) -> None:
    await ledger.requests.register_part(a_head("steps", sealed_secrets=b"secrets of the request"), PART)
    by_steps = await ledger.requests.mark_part_expanded(a_key("steps"), 0)
    assert await ledger.requests.insert_small(HEAD, PART, CHUNK)

    request = await stored(ledger)
    assert request.holds_chunk
    assert replace(request, holds_chunk=False, begun_at=None) == replace(by_steps, header=HEAD, begun_at=None)
    assert await ledger.requests.register_part(HEAD, PART) == request
    assert await ledger.requests.mark_part_expanded(KEY, 0) == request
    assert (await ledger.requests.register_part(HEAD, a_part(1))).parts == {0: PART}


async def test_the_request_is_written_and_claimed_at_once(ledger: Ledger) -> None:
    claim = a_claim("me")
    claimed = await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, claim)

    assert claimed is not None
    assert claimed.window == Window(Batch(((0, 3),)), "first")
    assert (claimed.token.owner, claimed.token.fence, claimed.taken_over) == ("me", 1, False)
    assert await ledger.chunks.claim(CHUNK.id, a_claim()) is None
    again = await ledger.chunks.claim(CHUNK.id, claim)
    assert again is not None
    assert (again.token, again.window, again.chunk.work) == (claimed.token, claimed.window, claimed.chunk.work)
    assert await ledger.chunks.renew(claimed.token)


async def test_a_request_that_exists_is_not_written_again(ledger: Ledger) -> None:
    other = replace(CHUNK, sealed=b"other recipients")
    assert await ledger.requests.insert_small(HEAD, PART, CHUNK)

    assert not await ledger.requests.insert_small(HEAD, PART, other)
    assert await ledger.requests.insert_small_claimed(HEAD, PART, other, a_claim()) is None
    chunk = await ledger.chunks.get(CHUNK.id)
    assert chunk is not None
    assert chunk.sealed == CHUNK.sealed


async def test_a_request_of_several_parts_is_not_replaced(ledger: Ledger) -> None:
    begun = await ledger.requests.register_part(HEAD, a_part(last=False))

    assert not await ledger.requests.insert_small(HEAD, PART, CHUNK)
    assert await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, a_claim()) is None
    assert await stored(ledger) == begun
    assert await ledger.chunks.get(CHUNK.id) is None


async def test_a_repeat_of_the_same_call_has_the_same_result_and_a_new_lease(ledger: Ledger, wait: Wait) -> None:
    claim = a_claim(lease_seconds=0.4)
    first = await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, claim)
    await wait(0.3)
    again = await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, claim)
    assert first is not None
    assert again is not None
    assert (again.token, again.window, again.taken_over) == (first.token, first.window, False)
    await wait(0.3)

    assert await ledger.chunks.claim(CHUNK.id, a_claim()) is None
    assert await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, a_claim()) is None


async def test_a_repeat_reads_what_was_ordered_meanwhile(ledger: Ledger) -> None:
    """The answer to the first call may be lost, and a caller may cancel before the second one."""
    claim = a_claim()
    await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, claim)
    assert await cancel_request(ledger, KEY)
    again = await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, claim)

    assert again is not None
    assert again.chunk.cancelled
    assert not await ledger.requests.take_unfinished(idle_seconds=-1, limit=5)


async def test_a_due_chunk_of_its_own_is_found_beside_those_of_small_requests(ledger: Ledger, wait: Wait) -> None:
    own = a_chunk("own", lane=Lane.EXPRESS)
    await ledger.chunks.insert(own)
    for number in range(4):
        small = replace(CHUNK, id=a_chunk(f"r{number}").id, key=a_key(f"r{number}"))
        await ledger.requests.insert_small(replace(HEAD, key=small.key), PART, small)
    await wait(61)

    claims = [await ledger.chunks.claim_due(Lane.EXPRESS, Channel.SMS, a_claim(), never_claimed=True) for _ in range(2)]
    assert own.id in {claim.chunk.id for claim in claims if claim}


async def test_after_a_take_over_the_first_owner_does_not_own_it_again(ledger: Ledger, wait: Wait) -> None:
    claim = a_claim(lease_seconds=0.2)
    first = await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, claim)
    assert first is not None
    await wait(0.3)
    taken = await ledger.chunks.claim_due(Lane.EXPRESS, Channel.SMS, a_claim())
    assert taken is not None
    assert taken.taken_over
    assert taken.chunk.in_request

    assert await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, claim) is None
    assert await ledger.requests.close_small(first.token, some_counts(sent=3), ledger.now()) is None
    assert (await stored(ledger)).completion is None


async def test_the_close_completes_the_request_and_erases_its_secrets(ledger: Ledger) -> None:
    claimed = await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, a_claim())
    assert claimed is not None
    counts, now = Counter({(Status.SENT, None): 2, (Status.FAILED, Reason.REJECTED): 1}), ledger.now()
    assert await ledger.chunks.has_open(KEY)
    assert not await ledger.requests.take_unfinished(idle_seconds=-1, limit=5)

    for _ in range(2):  # the first answer may be lost
        completion = await ledger.requests.close_small(claimed.token, counts, now, {"EUR": 90_000})
        outcomes = {"failed": 1, "sent": 2}, {"rejected": 1}
        assert completion == Completion(now, 3, *outcomes, incomplete=False, cost={"EUR": 90_000})
    request = await stored(ledger)
    assert (request.completion, request.header.sealed_secrets) == (completion, None)
    assert not await ledger.chunks.has_open(KEY)
    assert await ledger.chunks.counts(KEY) == counts
    assert await ledger.chunks.cost(KEY) == {"EUR": 90_000}
    assert await ledger.requests.complete(KEY, counts) is None
    chunk = await ledger.chunks.get(CHUNK.id)
    assert chunk is not None
    assert (chunk.sealed_secrets, chunk.sealed) == ({}, CHUNK.sealed)
    assert [each.completion for each in await ledger.requests.take_unfinished(idle_seconds=-1, limit=5)] == [completion]


@pytest.mark.parametrize("claimed", [True, False])
async def test_a_cancel_marks_request_and_chunk(ledger: Ledger, *, claimed: bool) -> None:
    await ledger.requests.insert_small(HEAD, PART, CHUNK)
    taken = await ledger.chunks.claim(CHUNK.id, a_claim()) if claimed else None

    control = await cancel_request(ledger, KEY)
    assert control is not None
    assert control.may_still_be_sent == 3 * claimed
    if taken:
        flags = await ledger.chunks.advance(taken.token, taken.chunk.work, taken.window)
    else:
        due = await ledger.chunks.claim_due(Lane.EXPRESS, Channel.SMS, a_claim(), never_claimed=True)
        flags = due and due.chunk.control_flags
    assert flags
    assert flags.cancelled


async def test_a_pause_parks_the_chunk_and_a_resume_makes_it_due(ledger: Ledger) -> None:
    await ledger.requests.insert_small(HEAD, PART, CHUNK)
    assert await pause_request(ledger, KEY)
    assert await ledger.chunks.claim(CHUNK.id, a_claim()) is None

    assert await resume_request(ledger, KEY)
    due = await ledger.chunks.claim_due(Lane.EXPRESS, Channel.SMS, a_claim(), never_claimed=True)
    assert due is not None
    assert due.chunk.pauses == 2


async def test_one_write_marks_request_and_chunk(ledger: Ledger) -> None:
    """The service that received the pause may die after it."""
    await ledger.requests.insert_small(HEAD, PART, CHUNK)
    await ledger.requests.pause(KEY)
    assert await ledger.chunks.claim(CHUNK.id, a_claim()) is None

    await ledger.requests.cancel(KEY)
    due = await ledger.chunks.claim_due(Lane.EXPRESS, Channel.SMS, a_claim(), never_claimed=True)
    assert due is not None
    assert due.chunk.cancelled


async def test_its_deliveries_are_found_before_and_after_they_are_logged(ledger: Ledger) -> None:
    chunk = replace(CHUNK, references=("a", None, "c"))
    claimed = await ledger.requests.insert_small_claimed(HEAD, PART, chunk, a_claim())
    await ledger.logs.insert_or_get([a_log(index=1)])

    for conditions, statuses in (
        ({}, ["pending", "sent", "pending"]),
        ({"key": KEY}, ["pending", "sent", "pending"]),
        ({"reference": "c"}, ["pending"]),
        ({"recipient_hashes": frozenset({chunk.hashes[:16]})}, ["pending"]),
        ({"statuses": frozenset({Status.PENDING})}, ["pending", "pending"]),
    ):
        page = await ledger.logs.find(LogQuery(tenant_id=TENANT, page_size=10, **conditions))  # type: ignore[arg-type]
        assert [log.status for log in page.items] == statuses
        assert page.total == len(statuses)
    pending = await ledger.logs.get(TENANT, a_log(index=0).id)
    assert pending
    assert pending.status is Status.PENDING
    assert await ledger.logs.get("another tenant", a_log(index=0).id) is None
    counts = await count_request(ledger, await stored(ledger))
    assert counts.total == 3
    assert claimed is not None


async def test_lists_of_requests_and_texts_work_for_it(ledger: Ledger) -> None:
    await ledger.requests.insert_small(HEAD, PART, CHUNK)

    page = await ledger.requests.find_page(RequestQuery(TENANT))
    assert [request.holds_chunk for request in page.items] == [True]
    assert [request.header.sealed_text for request in page.items] == [b""]
    assert await ledger.requests.get_many([KEY]) == {KEY: await stored(ledger)}
    assert await ledger.chunks.get_sealed([CHUNK.id, a_chunk("unknown").id]) == {CHUNK.id: CHUNK.sealed}
    assert await ledger.chunks.count_open_by_lane() == {Lane.EXPRESS: 1, Lane.BULK: 0}


async def test_retention_erases_and_deletes_it_with_its_chunk(ledger: Ledger, wait: Wait) -> None:
    claimed = await ledger.requests.insert_small_claimed(HEAD, PART, CHUNK, a_claim())
    assert claimed is not None
    await ledger.logs.insert_or_get([a_log(index=index) for index in range(3)])
    await ledger.requests.close_small(claimed.token, some_counts(sent=3), ledger.now())
    await ledger.requests.mark_completion_published(KEY)
    await wait(100)
    retention, after = ledger.retention, timedelta(seconds=50)

    assert [await retention.erase(after=after, limit=10) for _ in range(2)] == [1, 0]
    assert (await stored(ledger)).header.sealed_text == b""
    assert await ledger.chunks.get_sealed([CHUNK.id]) == {}
    assert await ledger.chunks.counts(KEY) == some_counts(sent=3)
    assert [await retention.delete(after=after, limit=10) for _ in range(3)] == [3, 1, 0]
    assert await ledger.requests.get(KEY) is None
    assert await ledger.chunks.get(CHUNK.id) is None
