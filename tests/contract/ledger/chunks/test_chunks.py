"""Chunks in both ledgers: insert, counts, duplicates."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from core.chunk_work import Batch, DecidedDelivery, WaitingDelivery, Work
from core.ids import log_bounds, log_ids
from ledger.ports import Ledger
from schemas.statuses import Channel, Lane, Reason, Status
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import claim_chunk, insert_and_claim
from tests.support.builders import a_chunk, a_claim, a_hash, a_key, a_log, fresh_work, some_counts


async def test_a_chunk_is_read_back_as_it_was_written(ledger: Ledger) -> None:
    soon = ledger.now() + timedelta(seconds=5)
    chunk = a_chunk(
        part=2,
        first=4,
        size=6,
        channel=Channel.EMAIL,
        lane=Lane.EXPRESS,
        due_at=soon,
        cancelled=True,
        searchable=True,
        references=["a", None, "b", None, None, "c"],
        work=Work(
            next=Batch(((4, 5),), 2, frozenset({4}), "post"),
            untried=((5, 6), (9, 10)),
            retries=(
                WaitingDelivery(6, 1, soon, possibly_sent=True, pinned_provider="post"),
                WaitingDelivery(7, 1, soon),
            ),
            decided=(DecidedDelivery(8, Status.FAILED, Reason.INVALID_RECIPIENT, "no address", "post", 3),),
        ),
    )
    await ledger.chunks.insert(chunk)

    assert await ledger.chunks.get(chunk.id) == chunk


async def test_an_unknown_chunk_is_none(ledger: Ledger) -> None:
    assert await ledger.chunks.get(a_chunk().id) is None


async def test_a_second_insert_changes_nothing(ledger: Ledger) -> None:
    chunk = a_chunk()
    await ledger.chunks.insert(chunk)

    await ledger.chunks.insert(a_chunk(size=2, work=Work(untried=((0, 2),)), cancelled=True))

    assert await ledger.chunks.get(chunk.id) == chunk


async def test_a_second_insert_neither_reopens_nor_frees_a_chunk(ledger: Ledger) -> None:
    held, closed = a_chunk(), a_chunk(first=3)
    await insert_and_claim(ledger, held)
    taken = await insert_and_claim(ledger, closed)
    await ledger.chunks.close(taken.token, some_counts(sent=3))

    await ledger.chunks.insert(held)
    await ledger.chunks.insert(closed)

    assert await ledger.chunks.claim(held.id, a_claim()) is None
    assert await ledger.chunks.claim(closed.id, a_claim()) is None
    assert await ledger.chunks.counts(held.key) == some_counts(sent=3, pending=3)


async def test_many_inserts_at_once_write_one_chunk(ledger: Ledger) -> None:
    chunk = a_chunk()

    await asyncio.gather(*(ledger.chunks.insert(chunk) for _ in range(5)))

    assert await ledger.chunks.counts(chunk.key) == some_counts(pending=3)


async def test_an_open_window_is_read_as_the_next_batch(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=5, window_size=2)
    await ledger.chunks.insert(chunk)
    await ledger.chunks.claim(chunk.id, a_claim(lease_seconds=0.3))
    held = await ledger.chunks.get(chunk.id)
    await wait(0.3)
    lapsed = await ledger.chunks.get(chunk.id)

    assert held is not None
    assert lapsed is not None
    assert held.work == lapsed.work == chunk.work


async def test_counts_are_the_sum_over_all_chunks_of_the_request(ledger: Ledger) -> None:
    done = Counter({(Status.SENT, None): 2, (Status.FAILED, Reason.REJECTED): 1})
    closed, open_ = a_chunk(), a_chunk(part=1, size=4)
    for chunk in (closed, open_, a_chunk("another request")):
        await ledger.chunks.insert(chunk)
    taken = await claim_chunk(ledger, closed)
    await ledger.chunks.close(taken.token, done)

    assert await ledger.chunks.counts(closed.key) == done + some_counts(pending=4)


async def test_the_cost_is_the_sum_over_all_chunks_of_the_request(ledger: Ledger) -> None:
    closed, open_, unpriced = a_chunk(), a_chunk(part=1, size=4), a_chunk(part=2)
    for chunk in (closed, open_, unpriced, a_chunk("another request")):
        await ledger.chunks.insert(chunk)
    assert await ledger.chunks.cost(closed.key) == {}
    await ledger.chunks.close((await claim_chunk(ledger, closed)).token, some_counts(sent=3), {"EUR": 2**40})
    work = replace(fresh_work(4), next=None, cost={"EUR": 5, "USD": 0}, doubts={0: 7})
    await ledger.chunks.advance((await claim_chunk(ledger, open_)).token, work, None)

    assert await ledger.chunks.cost(closed.key) == {"EUR": 2**40 + 5, "USD": 0}
    stored = await ledger.chunks.get(open_.id)
    assert stored is not None
    assert stored.work.doubts == {0: 7}


async def test_the_chunks_with_an_outcome_and_their_logs_are_found_in_order(ledger: Ledger) -> None:
    parts = [some_counts(sent=3), some_counts(failed=2, sent=1), some_counts(sent=3), some_counts(failed=3), Counter()]
    for part, counts in enumerate(parts):
        chunk = a_chunk(part=part)
        await ledger.chunks.insert(chunk)
        if counts:
            await ledger.chunks.close((await claim_chunk(ledger, chunk)).token, counts)
    second, fourth = (log_bounds(a_key(), part, 0, 3) for part in (1, 3))
    await ledger.logs.insert_or_get([a_log(part=part, index=index) for part in range(4) for index in range(3)])

    assert await ledger.chunks.find_outcomes(a_key(), {Status.FAILED}) == [second, fourth]
    assert await ledger.chunks.find_outcomes(a_key(), {Status.UNKNOWN}) == []
    found = await ledger.logs.find_first([second, fourth], {Status.SENT}, 5)
    assert [log.id for log in found] == [*log_ids(a_key(), 1, range(3)), *log_ids(a_key(), 3, range(2))]
    assert await ledger.logs.find_first([second, fourth], {Status.FAILED}, 5) == []


async def test_a_delivery_without_a_log_counts_as_pending(ledger: Ledger) -> None:
    now = ledger.now()
    chunk = a_chunk(size=6, window_size=1)
    await ledger.chunks.insert(chunk)
    before = await ledger.chunks.counts(chunk.key)
    taken = await claim_chunk(ledger, chunk)
    work = Work(
        untried=((1, 2),),
        retries=(WaitingDelivery(2, 1, now),),
        decided=(DecidedDelivery(3, Status.FAILED, Reason.REJECTED),),
        counts=some_counts(sent=2),
        unacknowledged=((4, 6),),
    )
    await ledger.chunks.advance(taken.token, work, taken.window)

    assert before == some_counts(pending=6)
    assert await ledger.chunks.counts(chunk.key) == some_counts(sent=2, pending=4)


async def test_a_chunk_that_waits_for_its_time_counts_as_scheduled_until_it_is_claimed(
    ledger: Ledger,
    wait: Wait,
) -> None:
    chunk = a_chunk(due_at=ledger.now() + timedelta(seconds=100))
    await ledger.chunks.insert(chunk)
    before = await ledger.chunks.counts(chunk.key)
    await wait(101)
    due = await ledger.chunks.counts(chunk.key)
    taken = await claim_chunk(ledger, chunk)
    held = await ledger.chunks.counts(chunk.key)
    tried = ledger.now() + timedelta(seconds=100)
    await ledger.chunks.release(
        taken.token, Work(retries=tuple(WaitingDelivery(index, 1, tried) for index in range(3))), tried
    )

    assert before == some_counts(scheduled=3)
    assert due == held == await ledger.chunks.counts(chunk.key) == some_counts(pending=3)


async def test_a_request_without_chunks_counts_nothing(ledger: Ledger) -> None:
    assert await ledger.chunks.counts(a_key()) == Counter()


async def test_counts_are_set_and_do_not_change_with_the_callers_counter(ledger: Ledger) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk)
    work = Work(counts=some_counts(sent=3))
    await ledger.chunks.advance(taken.token, work, None)
    work.counts[Status.SENT, None] += 5

    assert await ledger.chunks.counts(chunk.key) == some_counts(sent=3)


async def test_has_open_looks_at_this_request_alone(ledger: Ledger) -> None:
    chunk = a_chunk()
    await ledger.chunks.insert(a_chunk("another request"))
    before = await ledger.chunks.has_open(chunk.key)
    await ledger.chunks.insert(chunk)
    fresh = await ledger.chunks.has_open(chunk.key)
    taken = await claim_chunk(ledger, chunk)
    held = await ledger.chunks.has_open(chunk.key)
    await ledger.chunks.close(taken.token, some_counts(sent=3))

    assert [before, fresh, held, await ledger.chunks.has_open(chunk.key)] == [False, True, True, False]


async def test_duplicates_are_looked_for_in_lower_parts_of_the_request(ledger: Ledger) -> None:
    for part, names in enumerate((["a", "b"], ["c", "d"], ["e", "f"])):
        await ledger.chunks.insert(a_chunk(part=part, size=2, names=names, searchable=True))
    await ledger.chunks.insert(a_chunk("another request", size=1, names=["x"], searchable=True))
    asked = [a_hash(name) for name in ("a", "d", "e", "x", "y")]

    assert await ledger.chunks.find_duplicates(a_key(), 2, asked) == {a_hash("a"), a_hash("d")}
    assert await ledger.chunks.find_duplicates(a_key(), 0, asked) == set()


async def test_duplicates_are_found_in_closed_chunks_too(ledger: Ledger) -> None:
    chunk = a_chunk(size=1, names=["a"], searchable=True)
    taken = await insert_and_claim(ledger, chunk)
    await ledger.chunks.close(taken.token, some_counts(sent=1))

    assert await ledger.chunks.find_duplicates(chunk.key, 1, [a_hash("a")]) == {a_hash("a")}


async def test_duplicates_need_searchable_chunks_and_whole_hashes(ledger: Ledger) -> None:
    await ledger.chunks.insert(a_chunk(part=0, size=1, names=["hidden"]))
    await ledger.chunks.insert(a_chunk(part=1, size=2, names=["a", "b"], searchable=True))
    between = (a_hash("a") + a_hash("b"))[8:24]

    assert await ledger.chunks.find_duplicates(a_key(), 2, [a_hash("hidden"), between]) == set()
    assert await ledger.chunks.find_duplicates(a_key(), 2, []) == set()


async def test_open_chunks_are_counted_by_lane(ledger: Ledger) -> None:
    await ledger.chunks.insert(a_chunk("small", lane=Lane.EXPRESS))
    for part in range(3):
        await ledger.chunks.insert(a_chunk(part=part))
    taken = await ledger.chunks.claim(a_chunk(part=2).id, a_claim())
    assert taken is not None
    held = await ledger.chunks.count_open_by_lane()
    await ledger.chunks.close(taken.token, some_counts(sent=3))

    assert held == {Lane.EXPRESS: 1, Lane.BULK: 3}
    assert await ledger.chunks.count_open_by_lane() == {Lane.EXPRESS: 1, Lane.BULK: 2}


async def test_a_change_of_the_callers_chunk_does_not_change_the_stored_chunk(ledger: Ledger) -> None:
    chunk = a_chunk(work=Work(untried=((0, 2),), counts=some_counts(sent=1)))
    kept = replace(chunk, work=replace(chunk.work, counts=Counter(chunk.work.counts)))
    await ledger.chunks.insert(chunk)
    chunk.work.counts[Status.FAILED, None] += 1

    assert await ledger.chunks.get(chunk.id) == kept
