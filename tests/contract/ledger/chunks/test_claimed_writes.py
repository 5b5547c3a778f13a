"""Writes of the owner of a claim, which are refused to any other process (I3), in both ledgers."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from core.chunk_work import Batch, History, WaitingDelivery, Window, Work
from core.next_batch import prepare_release
from ledger.models import ControlFlags
from ledger.ports import Ledger
from schemas.statuses import Reason
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import SHORT, claim_chunk, insert_and_claim
from tests.support.builders import a_chunk, a_claim, some_counts


async def test_renewing_keeps_others_away(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))

    assert await ledger.chunks.renew(replace(taken.token, lease_seconds=30))
    await wait(SHORT)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_a_take_over_finds_the_earlier_tries_of_the_open_window(ledger: Ledger, wait: Wait) -> None:
    history = History(timedelta(seconds=2), Reason.UNAVAILABLE, "first")
    batch = Batch(((0, 3),), 1, histories=dict.fromkeys((0, 2), history))
    chunk = a_chunk(work=Work(next=replace(batch, provider="second")))
    taken = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))
    await wait(SHORT)

    after = await claim_chunk(ledger, chunk)
    assert after.taken_over
    assert taken.window == after.window == Window(batch, "second")


async def test_a_window_after_another_one_has_no_earlier_tries_of_it(ledger: Ledger) -> None:
    history = History(timedelta(seconds=2), Reason.UNAVAILABLE, "first")
    chunk = a_chunk(work=Work(next=Batch(((0, 1),), 1, histories={0: history}), untried=((1, 3),)))
    taken = await insert_and_claim(ledger, chunk)
    await ledger.chunks.advance(taken.token, Work(untried=((0, 2),)), Window(Batch(((2, 3),)), "first"))

    stored = await ledger.chunks.get(chunk.id)
    assert stored is not None
    assert stored.work == Work(next=Batch(((2, 3),), provider="first"), untried=((0, 2),))


async def test_renewing_changes_nothing_but_the_lease(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=5, window_size=2)
    taken = await insert_and_claim(ledger, chunk)

    await ledger.chunks.renew(replace(taken.token, lease_seconds=SHORT))
    await wait(SHORT)

    after = await claim_chunk(ledger, chunk)
    assert after.window == taken.window
    assert after.chunk.work == taken.chunk.work


async def test_a_lapsed_lease_that_nobody_took_can_still_be_renewed(ledger: Ledger, wait: Wait) -> None:
    taken = await insert_and_claim(ledger, a_chunk(), a_claim(lease_seconds=SHORT))
    await wait(SHORT)

    assert await ledger.chunks.renew(taken.token)


async def test_advancing_writes_the_work_and_the_next_window(ledger: Ledger) -> None:
    chunk = a_chunk(size=5, window_size=2)
    taken = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))
    history = History(timedelta(seconds=90), Reason.RATE_LIMITED, "first")
    later = WaitingDelivery(1, 1, ledger.now() + timedelta(minutes=1), True, "first", history)
    work = Work(untried=((4, 5),), retries=(later,), counts=some_counts(sent=1), unacknowledged=((0, 1),))
    window = Window(
        Batch(((2, 4),), 1, histories={3: History(timedelta(seconds=2), Reason.UNAVAILABLE, None)}), "second"
    )

    marked = await ledger.chunks.advance(taken.token, work, window)

    stored = await ledger.chunks.get(chunk.id)
    assert marked == ControlFlags()
    assert stored is not None
    assert stored.work == replace(work, next=window.as_batch)


async def test_advancing_extends_the_lease(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))

    await ledger.chunks.advance(replace(taken.token, lease_seconds=30), Work(), taken.window)
    await wait(SHORT)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_advancing_brings_the_cancel_mark_and_is_not_refused_for_it(ledger: Ledger) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk)
    await ledger.chunks.mark_cancelled(chunk.key)

    assert await ledger.chunks.advance(taken.token, Work(counts=some_counts(cancelled=3)), None) == ControlFlags(
        cancelled=True
    )
    assert await ledger.chunks.advance(taken.token, Work(counts=some_counts(cancelled=3)), None) == ControlFlags(
        cancelled=True
    )


async def test_a_repeated_advance_changes_nothing(ledger: Ledger) -> None:
    chunk = a_chunk(size=4, window_size=2)
    taken = await insert_and_claim(ledger, chunk)
    work, window = Work(counts=some_counts(sent=2)), Window(Batch(((2, 4),)), "first")

    assert await ledger.chunks.advance(taken.token, work, window) == ControlFlags()
    assert await ledger.chunks.advance(taken.token, work, window) == ControlFlags()

    assert await ledger.chunks.counts(chunk.key) == some_counts(sent=2, pending=2)


async def test_after_a_take_over_every_late_write_is_refused_and_changes_nothing(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=4, window_size=2)
    late = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))
    await wait(SHORT)
    owner = await claim_chunk(ledger, chunk)
    wrong = some_counts(failed=4)

    assert not await ledger.chunks.renew(late.token)
    assert await ledger.chunks.advance(late.token, Work(counts=wrong), None) is None
    assert not await ledger.chunks.release(late.token, Work(counts=wrong), None)
    assert not await ledger.chunks.close(late.token, wrong)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None
    assert await ledger.chunks.renew(owner.token)
    assert await ledger.chunks.counts(chunk.key) == some_counts(pending=4)
    stored = await ledger.chunks.get(chunk.id)
    assert stored is not None
    assert stored.work == replace(owner.chunk.work, next=Batch(((0, 2),), provider="first"))


async def test_a_late_close_of_a_chunk_that_another_closed_is_refused(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    late = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))
    await wait(SHORT)
    owner = await claim_chunk(ledger, chunk)
    assert await ledger.chunks.close(owner.token, some_counts(sent=3))

    assert not await ledger.chunks.close(late.token, some_counts(failed=3))
    assert await ledger.chunks.counts(chunk.key) == some_counts(sent=3)


@pytest.mark.parametrize(("owner", "fence"), [("me", 99), ("somebody else", 1)])
async def test_owner_and_fence_must_both_match(ledger: Ledger, owner: str, fence: int) -> None:
    taken = await insert_and_claim(ledger, a_chunk(), a_claim("me"))
    forged = replace(taken.token, owner=owner, fence=fence)

    assert not await ledger.chunks.renew(forged)
    assert await ledger.chunks.advance(forged, Work(), None) is None
    assert not await ledger.chunks.release(forged, Work(), None)
    assert not await ledger.chunks.close(forged, some_counts())


async def test_a_take_over_and_a_late_close_at_once_never_both_win(ledger: Ledger, wait: Wait) -> None:
    for first in range(0, 30, 3):
        chunk = a_chunk(first=first)
        late = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=0.001))
        await wait(0.001)

        taken, closed = await asyncio.gather(
            ledger.chunks.claim(chunk.id, a_claim()),
            ledger.chunks.close(late.token, some_counts(sent=3)),
        )

        assert (taken is not None) is not closed


async def test_closing_keeps_the_counts_alone(ledger: Ledger) -> None:
    chunk = a_chunk(size=4, window_size=2)
    taken = await insert_and_claim(ledger, chunk)

    assert await ledger.chunks.close(taken.token, some_counts(sent=4))

    stored = await ledger.chunks.get(chunk.id)
    assert stored is not None
    assert stored.work == Work(counts=some_counts(sent=4))
    assert not await ledger.chunks.has_open(chunk.key)


async def test_a_repeated_close_is_answered_as_the_first_time(ledger: Ledger) -> None:
    taken = await insert_and_claim(ledger, a_chunk())

    assert await ledger.chunks.close(taken.token, some_counts(sent=3))
    assert await ledger.chunks.close(taken.token, some_counts(sent=3))


async def test_nothing_but_a_repeated_close_is_written_to_a_closed_chunk(ledger: Ledger) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk)
    await ledger.chunks.close(taken.token, some_counts(sent=3))

    assert not await ledger.chunks.renew(taken.token)
    assert await ledger.chunks.advance(taken.token, Work(), taken.window) is None
    assert not await ledger.chunks.release(taken.token, Work(), None)
    assert not await ledger.chunks.has_open(chunk.key)


async def test_a_released_chunk_is_claimed_again_when_it_is_due(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk)
    due = ledger.now() + timedelta(seconds=600)
    refused = [WaitingDelivery(index, 1, due, refused_by=("first",)) for index in range(3)]
    work, due_at = prepare_release(Work(retries=tuple(refused)), 100)

    assert await ledger.chunks.release(taken.token, work, due_at)
    early = await ledger.chunks.claim(chunk.id, a_claim())
    await wait(601)
    again = await claim_chunk(ledger, chunk)

    assert early is None
    assert not again.taken_over
    assert again.token.fence == taken.token.fence + 1
    assert again.window == Window(Batch(((0, 3),), 1, refused_by=("first",)), None)
    assert again.chunk.work == Work()


async def test_a_chunk_released_without_a_time_is_free_at_once(ledger: Ledger) -> None:
    chunk = a_chunk(size=4, window_size=2)
    taken = await insert_and_claim(ledger, chunk)
    left = Work(next=Batch(((2, 4),), provider="first"), counts=some_counts(sent=2))

    assert await ledger.chunks.release(taken.token, left, None)
    again = await claim_chunk(ledger, chunk)

    assert again.window == Window(Batch(((2, 4),)), "first")
    assert again.chunk.work == replace(left, next=None)


async def test_who_released_a_chunk_may_not_write_to_it_any_more(ledger: Ledger) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk)
    await ledger.chunks.release(taken.token, chunk.work, None)

    assert not await ledger.chunks.renew(taken.token)
    assert await ledger.chunks.advance(taken.token, Work(), None) is None
    assert not await ledger.chunks.close(taken.token, some_counts(sent=3))
    assert await ledger.chunks.has_open(chunk.key)


async def test_the_fence_only_grows_also_under_the_same_owner(ledger: Ledger) -> None:
    chunk = a_chunk()
    claim = a_claim()
    first = await insert_and_claim(ledger, chunk, claim)
    await ledger.chunks.release(first.token, chunk.work, None)
    second = await claim_chunk(ledger, chunk, claim)

    assert second.token.fence == first.token.fence + 1
    assert not await ledger.chunks.renew(first.token)
    assert await ledger.chunks.renew(second.token)
