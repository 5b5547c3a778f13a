"""Who holds a chunk: claims, leases, fences and take-overs (I3, I4), the same for both ledgers."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from core.work import Batch, Line, Window, Work, put_back
from ledger.ports import Ledger
from ledger.values import Chunk, Claim, Claimed
from schemas.statuses import Channel, Lane
from tests.builders import a_chunk, a_claim, some_counts
from tests.contract.conftest import Wait

SHORT = 0.3
"""Seconds of a lease that is meant to lapse."""


async def claimed(ledger: Ledger, chunk: Chunk, claim: Claim | None = None) -> Claimed:
    found = await ledger.chunks.claim(chunk.id, claim or a_claim())
    assert found is not None
    return found


async def inserted_and_claimed(ledger: Ledger, chunk: Chunk, claim: Claim | None = None) -> Claimed:
    await ledger.chunks.insert(chunk)
    return await claimed(ledger, chunk, claim)


async def test_a_claim_takes_the_next_batch_as_its_first_window(ledger: Ledger) -> None:
    chunk = a_chunk(size=5, window_size=2)
    claim = a_claim("me")

    taken = await inserted_and_claimed(ledger, chunk, claim)

    assert taken.window == Window(Batch(((0, 2),)), "first")
    assert not taken.taken_over
    assert taken.chunk.work == Work(todo=((2, 5),))
    assert (taken.hold.chunk_id, taken.hold.owner, taken.hold.lease_seconds) == (chunk.id, "me", 30.0)


async def test_a_claim_brings_the_recipients_as_they_were_written(ledger: Ledger) -> None:
    chunk = a_chunk(first=3, size=2, references=["order-1", None], channel=Channel.EMAIL, searchable=True)

    taken = await inserted_and_claimed(ledger, chunk)

    assert taken.chunk.masked == chunk.masked
    assert taken.chunk.hashes == chunk.hashes
    assert taken.chunk.references == chunk.references
    assert taken.chunk.sealed == chunk.sealed
    assert (taken.chunk.first, taken.chunk.size, taken.chunk.part) == (3, 2, 0)
    assert taken.chunk.searchable


async def test_nobody_can_claim_what_does_not_exist(ledger: Ledger) -> None:
    assert await ledger.chunks.claim(a_chunk().id, a_claim()) is None


async def test_of_many_claims_at_once_exactly_one_wins(ledger: Ledger) -> None:
    chunk = a_chunk()
    await ledger.chunks.insert(chunk)

    answers = await asyncio.gather(*(ledger.chunks.claim(chunk.id, a_claim()) for _ in range(8)))

    assert sum(answer is not None for answer in answers) == 1


async def test_of_many_sweepers_at_once_each_takes_another_chunk(ledger: Ledger, wait: Wait) -> None:
    chunks = [a_chunk(first=first) for first in (0, 3, 6)]
    for chunk in chunks:
        await ledger.chunks.insert(chunk)
    await wait(61)

    answers = await asyncio.gather(*(ledger.chunks.claim_due(Lane.BULK, a_claim()) for _ in range(5)))

    assert Counter(answer.chunk.id for answer in answers if answer) == Counter(chunk.id for chunk in chunks)


async def test_a_held_chunk_is_refused_to_others(ledger: Ledger) -> None:
    chunk = a_chunk()
    await inserted_and_claimed(ledger, chunk)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_a_repeated_claim_is_answered_as_the_first_time(ledger: Ledger) -> None:
    chunk = a_chunk(size=5, window_size=2)
    claim = a_claim()
    first = await inserted_and_claimed(ledger, chunk, claim)

    again = await claimed(ledger, chunk, claim)

    assert again.hold == first.hold
    assert again.window == first.window
    assert again.chunk.work == first.chunk.work
    assert not again.taken_over


async def test_a_repeated_take_over_still_says_that_it_is_one(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    await inserted_and_claimed(ledger, chunk, a_claim(lease_seconds=SHORT))
    await wait(SHORT)
    claim = a_claim()
    first = await claimed(ledger, chunk, claim)

    again = await claimed(ledger, chunk, claim)

    assert again.taken_over
    assert again.hold == first.hold


async def test_a_repeated_claim_extends_the_lease(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    claim = a_claim(lease_seconds=SHORT)
    await inserted_and_claimed(ledger, chunk, claim)

    await claimed(ledger, chunk, replace(claim, lease_seconds=30))
    await wait(SHORT)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_a_lapsed_lease_lets_another_take_over_the_open_window(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=5, window_size=2)
    before = await inserted_and_claimed(ledger, chunk, a_claim(lease_seconds=SHORT))
    await wait(SHORT)

    after = await claimed(ledger, chunk, a_claim(sms=("quite another",)))

    assert after.taken_over
    assert after.hold.fence == before.hold.fence + 1
    assert after.window == before.window
    assert after.chunk.work == before.chunk.work


async def test_a_lapsed_lease_without_a_window_is_no_take_over(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    before = await inserted_and_claimed(ledger, chunk, a_claim(lease_seconds=SHORT))
    done = Work(counts=some_counts(sent=3), unacked=((0, 3),))
    await ledger.chunks.advance(before.hold, done, None)
    await wait(SHORT)

    after = await claimed(ledger, chunk)

    assert not after.taken_over
    assert after.window is None
    assert after.chunk.work == done


async def test_a_chunk_with_nothing_to_send_is_claimed_without_a_window(ledger: Ledger) -> None:
    taken = await inserted_and_claimed(ledger, a_chunk(work=Work()))

    assert taken.window is None
    assert not taken.taken_over


@pytest.mark.parametrize(("attempts", "provider"), [(0, "a"), (1, "b"), (2, "c"), (3, "a"), (7, "b")])
async def test_each_attempt_goes_to_the_next_provider_in_turn(ledger: Ledger, attempts: int, provider: str) -> None:
    batch = Batch(((0, 3),), attempts)

    taken = await inserted_and_claimed(ledger, a_chunk(work=Work(next=batch)), a_claim(sms=("a", "b", "c")))

    assert taken.window == Window(batch, provider)


async def test_a_sticky_batch_goes_to_its_provider_whoever_is_next(ledger: Ledger) -> None:
    batch = Batch(((0, 3),), 1, frozenset({1}), "only this one")

    taken = await inserted_and_claimed(ledger, a_chunk(work=Work(next=batch)))

    assert taken.window == Window(batch, "only this one")


@pytest.mark.parametrize("claim", [a_claim(email=("post",)), a_claim(sms=(), email=("post",))])
async def test_a_window_has_no_provider_where_the_channel_has_none(ledger: Ledger, claim: Claim) -> None:
    taken = await inserted_and_claimed(ledger, a_chunk(), claim)

    assert taken.window == Window(Batch(((0, 3),)), None)


async def test_each_channel_has_its_own_providers(ledger: Ledger) -> None:
    taken = await inserted_and_claimed(ledger, a_chunk(channel=Channel.EMAIL))

    assert taken.window == Window(Batch(((0, 3),)), "post")


async def test_a_chunk_is_not_claimed_before_it_is_due(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(due_at=ledger.now() + timedelta(seconds=600))
    await ledger.chunks.insert(chunk)

    early = await ledger.chunks.claim(chunk.id, a_claim())
    await wait(601)

    assert early is None
    assert not (await claimed(ledger, chunk)).taken_over


async def test_a_closed_chunk_is_not_claimed_even_by_who_closed_it(ledger: Ledger) -> None:
    chunk = a_chunk()
    claim = a_claim()
    taken = await inserted_and_claimed(ledger, chunk, claim)
    await ledger.chunks.close(taken.hold, some_counts(sent=3))

    assert await ledger.chunks.claim(chunk.id, claim) is None
    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_the_cancel_mark_comes_with_the_claim(ledger: Ledger) -> None:
    assert (await inserted_and_claimed(ledger, a_chunk(cancelled=True))).chunk.cancelled
    assert not (await inserted_and_claimed(ledger, a_chunk(first=3))).chunk.cancelled


async def test_renewing_keeps_others_away(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await inserted_and_claimed(ledger, chunk, a_claim(lease_seconds=SHORT))

    assert await ledger.chunks.renew(replace(taken.hold, lease_seconds=30))
    await wait(SHORT)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_renewing_changes_nothing_but_the_lease(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=5, window_size=2)
    taken = await inserted_and_claimed(ledger, chunk)

    await ledger.chunks.renew(replace(taken.hold, lease_seconds=SHORT))
    await wait(SHORT)

    after = await claimed(ledger, chunk)
    assert after.window == taken.window
    assert after.chunk.work == taken.chunk.work


async def test_a_lapsed_lease_that_nobody_took_can_still_be_renewed(ledger: Ledger, wait: Wait) -> None:
    taken = await inserted_and_claimed(ledger, a_chunk(), a_claim(lease_seconds=SHORT))
    await wait(SHORT)

    assert await ledger.chunks.renew(taken.hold)


async def test_advancing_writes_the_work_and_the_next_window(ledger: Ledger) -> None:
    chunk = a_chunk(size=5, window_size=2)
    taken = await inserted_and_claimed(ledger, chunk, a_claim(lease_seconds=SHORT))
    later = Line(1, 1, ledger.now() + timedelta(minutes=1), tainted=True, sticky="first")
    work = Work(todo=((4, 5),), later=(later,), counts=some_counts(sent=1), unacked=((0, 1),))
    window = Window(Batch(((2, 4),)), "second")

    marked = await ledger.chunks.advance(taken.hold, work, window)

    stored = await ledger.chunks.get(chunk.id)
    assert marked is False
    assert stored is not None
    assert stored.work == replace(work, next=window.batch)


async def test_advancing_extends_the_lease(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await inserted_and_claimed(ledger, chunk, a_claim(lease_seconds=SHORT))

    await ledger.chunks.advance(replace(taken.hold, lease_seconds=30), Work(), taken.window)
    await wait(SHORT)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_advancing_brings_the_cancel_mark_and_is_not_refused_for_it(ledger: Ledger) -> None:
    chunk = a_chunk()
    taken = await inserted_and_claimed(ledger, chunk)
    await ledger.chunks.mark_cancelled(chunk.key)

    assert await ledger.chunks.advance(taken.hold, Work(counts=some_counts(cancelled=3)), None) is True
    assert await ledger.chunks.advance(taken.hold, Work(counts=some_counts(cancelled=3)), None) is True


async def test_a_repeated_advance_changes_nothing(ledger: Ledger) -> None:
    chunk = a_chunk(size=4, window_size=2)
    taken = await inserted_and_claimed(ledger, chunk)
    work, window = Work(counts=some_counts(sent=2)), Window(Batch(((2, 4),)), "first")

    assert await ledger.chunks.advance(taken.hold, work, window) is False
    assert await ledger.chunks.advance(taken.hold, work, window) is False

    assert await ledger.chunks.counts(chunk.key) == some_counts(sent=2, pending=2)


async def test_after_a_take_over_every_late_write_is_refused_and_changes_nothing(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=4, window_size=2)
    late = await inserted_and_claimed(ledger, chunk, a_claim(lease_seconds=SHORT))
    await wait(SHORT)
    owner = await claimed(ledger, chunk)
    wrong = some_counts(failed=4)

    assert not await ledger.chunks.renew(late.hold)
    assert await ledger.chunks.advance(late.hold, Work(counts=wrong), None) is None
    assert not await ledger.chunks.release(late.hold, Work(counts=wrong), None)
    assert not await ledger.chunks.close(late.hold, wrong)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None
    assert await ledger.chunks.renew(owner.hold)
    assert await ledger.chunks.counts(chunk.key) == some_counts(pending=4)
    stored = await ledger.chunks.get(chunk.id)
    assert stored is not None
    assert stored.work == replace(owner.chunk.work, next=Batch(((0, 2),)))


async def test_a_late_close_of_a_chunk_that_another_closed_is_refused(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    late = await inserted_and_claimed(ledger, chunk, a_claim(lease_seconds=SHORT))
    await wait(SHORT)
    owner = await claimed(ledger, chunk)
    assert await ledger.chunks.close(owner.hold, some_counts(sent=3))

    assert not await ledger.chunks.close(late.hold, some_counts(failed=3))
    assert await ledger.chunks.counts(chunk.key) == some_counts(sent=3)


@pytest.mark.parametrize("change", [{"fence": 99}, {"owner": "somebody else"}])
async def test_owner_and_fence_must_both_match(ledger: Ledger, change: dict[str, object]) -> None:
    taken = await inserted_and_claimed(ledger, a_chunk())
    forged = replace(taken.hold, **change)

    assert not await ledger.chunks.renew(forged)
    assert await ledger.chunks.advance(forged, Work(), None) is None
    assert not await ledger.chunks.release(forged, Work(), None)
    assert not await ledger.chunks.close(forged, some_counts())


async def test_a_take_over_and_a_late_close_at_once_never_both_win(ledger: Ledger, wait: Wait) -> None:
    for first in range(0, 30, 3):
        chunk = a_chunk(first=first)
        late = await inserted_and_claimed(ledger, chunk, a_claim(lease_seconds=0.001))
        await wait(0.001)

        taken, closed = await asyncio.gather(
            ledger.chunks.claim(chunk.id, a_claim()),
            ledger.chunks.close(late.hold, some_counts(sent=3)),
        )

        assert (taken is not None) is not closed


async def test_closing_keeps_the_counts_alone(ledger: Ledger) -> None:
    chunk = a_chunk(size=4, window_size=2)
    taken = await inserted_and_claimed(ledger, chunk)

    assert await ledger.chunks.close(taken.hold, some_counts(sent=4))

    stored = await ledger.chunks.get(chunk.id)
    assert stored is not None
    assert stored.work == Work(counts=some_counts(sent=4))
    assert not await ledger.chunks.any_open(chunk.key)


async def test_a_repeated_close_is_answered_as_the_first_time(ledger: Ledger) -> None:
    taken = await inserted_and_claimed(ledger, a_chunk())

    assert await ledger.chunks.close(taken.hold, some_counts(sent=3))
    assert await ledger.chunks.close(taken.hold, some_counts(sent=3))


async def test_nothing_but_a_repeated_close_is_written_to_a_closed_chunk(ledger: Ledger) -> None:
    chunk = a_chunk()
    taken = await inserted_and_claimed(ledger, chunk)
    await ledger.chunks.close(taken.hold, some_counts(sent=3))

    assert not await ledger.chunks.renew(taken.hold)
    assert await ledger.chunks.advance(taken.hold, Work(), taken.window) is None
    assert not await ledger.chunks.release(taken.hold, Work(), None)
    assert not await ledger.chunks.any_open(chunk.key)


async def test_a_released_chunk_is_claimed_again_when_it_is_due(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await inserted_and_claimed(ledger, chunk)
    due = ledger.now() + timedelta(seconds=600)
    work, due_at = put_back(Work(later=tuple(Line(index, 1, due) for index in range(3))), 100)

    assert await ledger.chunks.release(taken.hold, work, due_at)
    early = await ledger.chunks.claim(chunk.id, a_claim())
    await wait(601)
    again = await claimed(ledger, chunk)

    assert early is None
    assert not again.taken_over
    assert again.hold.fence == taken.hold.fence + 1
    assert again.window == Window(Batch(((0, 3),), 1), "second")
    assert again.chunk.work == Work()


async def test_a_chunk_released_without_a_time_is_free_at_once(ledger: Ledger) -> None:
    chunk = a_chunk(size=4, window_size=2)
    taken = await inserted_and_claimed(ledger, chunk)
    left = Work(next=Batch(((2, 4),)), counts=some_counts(sent=2))

    assert await ledger.chunks.release(taken.hold, left, None)
    again = await claimed(ledger, chunk)

    assert again.window == Window(Batch(((2, 4),)), "first")
    assert again.chunk.work == replace(left, next=None)


async def test_who_released_a_chunk_may_not_write_to_it_any_more(ledger: Ledger) -> None:
    chunk = a_chunk()
    taken = await inserted_and_claimed(ledger, chunk)
    await ledger.chunks.release(taken.hold, chunk.work, None)

    assert not await ledger.chunks.renew(taken.hold)
    assert await ledger.chunks.advance(taken.hold, Work(), None) is None
    assert not await ledger.chunks.close(taken.hold, some_counts(sent=3))
    assert await ledger.chunks.any_open(chunk.key)


async def test_the_fence_only_grows_also_under_the_same_owner(ledger: Ledger) -> None:
    chunk = a_chunk()
    claim = a_claim()
    first = await inserted_and_claimed(ledger, chunk, claim)
    await ledger.chunks.release(first.hold, chunk.work, None)
    second = await claimed(ledger, chunk, claim)

    assert second.hold.fence == first.hold.fence + 1
    assert not await ledger.chunks.renew(first.hold)
    assert await ledger.chunks.renew(second.hold)
