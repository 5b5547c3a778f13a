"""Pause and resume: a count that only grows, so that a late order does not undo a newer one."""

from datetime import timedelta

from core.chunk_work import Batch, WaitingDelivery, Work
from core.index_ranges import length
from ledger.models import ControlFlags
from ledger.ports import Ledger
from schemas.statuses import Lane, Status
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import SHORT, a_request, claim_any_due, complete, insert_and_claim, register_parts
from tests.support.builders import a_chunk, a_claim, a_head, a_key, a_part, some_counts

KEY = a_key()
PAUSED, RESUMED = 1, 2


async def test_a_request_is_paused_and_resumed_however_often_it_is_asked(ledger: Ledger) -> None:
    await register_parts(ledger, 0, last=0)

    numbers = []
    for order in (ledger.requests.pause,) * 2 + (ledger.requests.resume,) * 2 + (ledger.requests.pause,):
        request = await order(KEY)
        assert request is not None
        numbers.append(request.pauses)
        assert (
            await ledger.requests.control_flags(KEY)
            == request.control_flags
            == ControlFlags(cancelled=False, pauses=request.pauses)
        )

    assert numbers == [1, 1, 2, 2, 3]


async def test_what_is_unknown_cancelled_or_completed_is_not_paused(ledger: Ledger) -> None:
    assert await ledger.requests.pause(KEY) is None
    assert await ledger.requests.control_flags(KEY) == ControlFlags()
    await register_parts(ledger, 0, last=0)
    await ledger.requests.cancel(KEY)
    assert await ledger.requests.pause(KEY) is None
    assert await ledger.requests.resume(KEY) is None
    assert await ledger.requests.control_flags(KEY) == ControlFlags(cancelled=True)
    await complete(ledger, some_counts(cancelled=3))
    assert await ledger.requests.pause(KEY) is None


async def test_only_what_still_waits_for_its_send_at_is_cancelled_as_scheduled(ledger: Ledger) -> None:
    for number, send_at in enumerate((None, ledger.now() - timedelta(hours=1), ledger.now() + timedelta(hours=1))):
        head = a_head(request_id=f"at-{number}", send_at=send_at)
        await ledger.requests.register_part(head, a_part(last=False))
        found = [await ledger.requests.cancel(head.key, scheduled_only=True) for _ in range(2)]
        assert [request is not None and request.cancelled for request in found] == [number == 2] * 2
        assert await ledger.requests.cancel(head.key) is not None
        assert await ledger.requests.cancel(head.key, scheduled_only=True) is not None, "a repeat is no news"


async def test_a_paused_chunk_that_nobody_holds_is_claimed_by_nobody(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    await ledger.chunks.insert(chunk)
    await ledger.chunks.set_pause_count(KEY, PAUSED)
    await wait(100)
    assert await ledger.chunks.claim(chunk.id, a_claim()) is None
    assert await claim_any_due(ledger) is None

    await ledger.chunks.set_pause_count(KEY, RESUMED)
    taken = await claim_any_due(ledger)
    assert taken is not None
    assert taken.chunk.control_flags == ControlFlags(pauses=RESUMED)
    assert taken.window is not None


async def test_a_chunk_written_while_its_request_is_paused_waits(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(pauses=PAUSED)
    assert await ledger.chunks.insert(chunk) is True
    assert await ledger.chunks.insert(chunk) is False
    await wait(100)
    assert await ledger.chunks.claim(chunk.id, a_claim()) is None
    assert await claim_any_due(ledger) is None
    await ledger.chunks.set_pause_count(KEY, RESUMED)
    assert await ledger.chunks.claim(chunk.id, a_claim()) is not None


async def test_an_older_order_changes_nothing(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    await ledger.chunks.insert(chunk)
    await ledger.chunks.set_pause_count(KEY, RESUMED + PAUSED)
    await ledger.chunks.set_pause_count(KEY, RESUMED)
    await wait(100)
    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_an_owner_reads_the_pause_when_it_advances_and_puts_the_chunk_back(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=4, window_size=2)
    taken = await insert_and_claim(ledger, chunk)
    await ledger.chunks.set_pause_count(KEY, PAUSED)
    left = Work(untried=((2, 4),), counts=some_counts(sent=2))
    assert await ledger.chunks.advance(taken.token, left, None) == ControlFlags(pauses=PAUSED)
    left = Work(next=Batch(((2, 4),)), counts=some_counts(sent=2))
    assert await ledger.chunks.release(taken.token, left, None)
    await wait(100)
    assert await ledger.chunks.claim(chunk.id, a_claim()) is None

    await ledger.chunks.set_pause_count(KEY, RESUMED)
    again = await claim_any_due(ledger)
    assert again is not None
    assert again.window is not None
    assert again.window.batch == Batch(((2, 4),))
    assert again.chunk.work.counts == some_counts(sent=2)


async def test_a_retry_that_is_resumed_early_waits_for_its_time(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=1)
    taken = await insert_and_claim(ledger, chunk)
    due = ledger.now() + timedelta(seconds=50)
    await ledger.chunks.set_pause_count(KEY, PAUSED)
    await ledger.chunks.release(taken.token, Work(retries=(WaitingDelivery(0, 1, due),)), due)
    await ledger.chunks.set_pause_count(KEY, RESUMED)
    assert await claim_any_due(ledger) is None
    await wait(51)
    assert await claim_any_due(ledger) is not None


async def test_the_open_window_of_a_dead_owner_is_taken_over_in_spite_of_a_pause(ledger: Ledger, wait: Wait) -> None:
    """A delivery in doubt does not wait for a resume. The new owner reads the flags and sends nothing."""
    chunk = a_chunk(size=4, window_size=2)
    await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))
    await ledger.chunks.set_pause_count(KEY, PAUSED)
    await wait(SHORT)
    taken = await claim_any_due(ledger)
    assert taken is not None
    assert taken.taken_over
    assert taken.chunk.control_flags.paused


async def test_a_paused_chunk_may_be_claimed_once_it_has_expired(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(expires_at=ledger.now() + timedelta(seconds=100))
    await ledger.chunks.insert(chunk)
    await ledger.chunks.set_pause_count(KEY, PAUSED)
    await wait(70)
    assert await claim_any_due(ledger) is None
    await wait(31)
    assert await claim_any_due(ledger) is not None


async def test_a_cancel_does_not_wait_for_a_resume_and_a_pause_after_it_holds_nothing(ledger: Ledger) -> None:
    first, second = a_chunk(), a_chunk(first=100)
    for chunk in (first, second):
        await ledger.chunks.insert(chunk)
    await ledger.chunks.set_pause_count(KEY, PAUSED)
    await ledger.chunks.mark_cancelled(KEY)
    taken = await claim_any_due(ledger)
    assert taken is not None
    assert taken.chunk.control_flags == ControlFlags(cancelled=True, pauses=PAUSED)
    assert not taken.chunk.control_flags.paused
    await ledger.chunks.set_pause_count(KEY, RESUMED + PAUSED)
    assert await claim_any_due(ledger) is not None


async def test_a_cancelled_chunk_that_is_put_back_does_not_wait_for_its_retry(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=1)
    taken = await insert_and_claim(ledger, chunk)
    due = ledger.now() + timedelta(minutes=10)
    await ledger.chunks.mark_cancelled(KEY)
    await ledger.chunks.release(taken.token, Work(retries=(WaitingDelivery(0, 1, due),)), due)
    await wait(1.1)
    assert await claim_any_due(ledger) is not None


async def test_a_hold_concerns_one_request_and_where_asked_one_part(ledger: Ledger) -> None:
    theirs = a_chunk(request_id="other")
    first, second = a_chunk(part=0), a_chunk(part=1)
    for chunk in (theirs, first, second):
        await ledger.chunks.insert(chunk)
    await ledger.chunks.set_pause_count(KEY, PAUSED, 0)
    found = [await ledger.chunks.claim(chunk.id, a_claim()) for chunk in (theirs, first, second)]
    assert [taken is not None for taken in found] == [True, False, True]


async def test_what_is_paused_keeps_the_status_that_it_has(ledger: Ledger) -> None:
    send_at = ledger.now() + timedelta(hours=1)
    scheduled = a_chunk(size=2, due_at=send_at)
    await a_request(ledger, a_head(send_at=send_at), scheduled, a_chunk(first=100, size=3))
    await ledger.chunks.set_pause_count(KEY, PAUSED)
    assert await ledger.chunks.counts(KEY) == {(Status.SCHEDULED, None): 2, (Status.PENDING, None): 3}


async def test_what_may_still_be_sent_is_what_is_in_open_windows(ledger: Ledger) -> None:
    first, second, third = (a_chunk(first=number * 100, size=5, window_size=2) for number in range(3))
    await insert_and_claim(ledger, first)
    taken = await insert_and_claim(ledger, second)
    await ledger.chunks.insert(third)
    assert await ledger.chunks.count_in_open_windows(KEY) == 4
    await ledger.chunks.close(taken.token, some_counts(sent=5))
    assert taken.window is not None
    assert length(taken.window.batch.ranges) == await ledger.chunks.count_in_open_windows(KEY) == 2
    assert await ledger.chunks.count_in_open_windows(a_key("other")) == 0
    assert first.lane is Lane.BULK
