"""Due chunks that the sweeper claims, the longest waiting first (I8)."""

from datetime import timedelta
from typing import Any

from core.chunk_work import Batch, WaitingDelivery, Window, Work
from ledger.ports import Ledger
from schemas.statuses import Channel, Lane
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import claim_due, insert_and_claim
from tests.support.builders import a_chunk, a_claim, some_counts


async def swept_id(ledger: Ledger, *, fresh: bool = False, **of: Any) -> str | None:
    found = await claim_due(ledger, fresh=fresh, **of)
    return found.chunk.id if found else None


async def test_there_may_be_nothing_to_find(ledger: Ledger) -> None:
    assert await swept_id(ledger) is None


async def test_one_search_finds_all_kinds_of_chunks_that_are_due(ledger: Ledger, wait: Wait) -> None:
    await ledger.chunks.insert(a_chunk("fresh"))
    due_at = ledger.now() + timedelta(seconds=20)
    await ledger.chunks.insert(a_chunk("deferred", channel=Channel.EMAIL, due_at=due_at))
    await ledger.chunks.insert(a_chunk("paused", channel=Channel.EMAIL, lane=Lane.EXPRESS, due_at=due_at, pauses=1))
    await insert_and_claim(ledger, a_chunk("claimed", lane=Lane.EXPRESS))
    lane = a_chunk().lane

    assert set(await ledger.chunks.find_due()) == set()
    await wait(21)
    assert set(await ledger.chunks.find_due()) == {(lane, Channel.EMAIL, False)}
    await wait(45)
    assert set(await ledger.chunks.find_due()) >= {(lane, Channel.EMAIL, False), (lane, Channel.SMS, True)}
    assert (Lane.EXPRESS, Channel.EMAIL, False) not in await ledger.chunks.find_due()


async def test_a_new_chunk_is_left_to_its_wake_up_call_for_a_minute(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    await ledger.chunks.insert(chunk)
    await wait(55)
    early = await swept_id(ledger, fresh=True)
    await wait(6)

    assert early is None
    assert await swept_id(ledger, fresh=True) == chunk.id


async def test_a_scheduled_chunk_is_found_when_it_is_due(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(due_at=ledger.now() + timedelta(seconds=20))
    await ledger.chunks.insert(chunk)
    early = await swept_id(ledger)
    await wait(21)

    assert early is None
    assert await swept_id(ledger) == chunk.id


async def test_each_channel_is_swept_for_itself(ledger: Ledger) -> None:
    for number, channel in enumerate((Channel.SMS, Channel.EMAIL)):
        due_at = ledger.now() - timedelta(seconds=20 - number)
        await ledger.chunks.insert(a_chunk(f"req-{number}", channel=channel, due_at=due_at))

    found = await claim_due(ledger, channel=Channel.EMAIL)
    assert found is not None
    assert found.chunk.channel is Channel.EMAIL
    assert await claim_due(ledger, channel=Channel.EMAIL) is None
    assert await claim_due(ledger, channel=Channel.SMS) is not None


async def test_what_was_never_claimed_is_found_by_who_asks_for_that(ledger: Ledger, wait: Wait) -> None:
    """Deferred chunks are found in time, whatever the number of new chunks is."""
    fresh, deferred = a_chunk(first=0), a_chunk(first=3)
    await ledger.chunks.insert(fresh)
    taken = await insert_and_claim(ledger, deferred)
    due = ledger.now() + timedelta(seconds=100)
    await ledger.chunks.release(
        taken.token, Work(retries=(WaitingDelivery(0, 1, due),), counts=some_counts(sent=2)), due
    )
    await wait(101)

    assert await swept_id(ledger) == deferred.id
    assert await swept_id(ledger) is None
    assert await swept_id(ledger, fresh=True) == fresh.id
    assert await swept_id(ledger, fresh=True) is None


async def test_a_chunk_due_in_the_past_is_found_at_once(ledger: Ledger) -> None:
    chunk = a_chunk(due_at=ledger.now() - timedelta(seconds=1))
    await ledger.chunks.insert(chunk)

    assert await swept_id(ledger) == chunk.id


async def test_a_held_chunk_is_found_when_its_lease_lapses(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    await ledger.chunks.insert(chunk)
    await ledger.chunks.claim(chunk.id, a_claim(lease_seconds=0.3))
    early = await swept_id(ledger)
    await wait(0.3)

    found = await claim_due(ledger)

    assert early is None
    assert found is not None
    assert found.chunk.id == chunk.id
    assert found.taken_over
    assert found.window == Window(Batch(((0, 3),)), "first")


async def test_a_renewed_lease_hides_the_chunk_longer(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=100))
    await wait(80)
    await ledger.chunks.renew(taken.token)
    await wait(80)
    early = await swept_id(ledger)
    await wait(30)

    assert early is None
    assert await swept_id(ledger) == chunk.id


async def test_a_released_chunk_is_found_when_it_is_due(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk)
    due = ledger.now() + timedelta(seconds=40)
    await ledger.chunks.release(
        taken.token, Work(retries=(WaitingDelivery(0, 1, due),), counts=some_counts(sent=2)), due
    )
    early = await swept_id(ledger)
    await wait(41)

    assert early is None
    assert await swept_id(ledger) == chunk.id


async def test_a_chunk_released_without_a_time_is_found_at_once(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk, a_claim())
    await ledger.chunks.release(taken.token, chunk.work, None)
    await wait(0.01)

    assert await swept_id(ledger) == chunk.id


async def test_a_closed_chunk_is_never_found(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    taken = await insert_and_claim(ledger, chunk, a_claim())
    await ledger.chunks.close(taken.token, some_counts(sent=3))
    await wait(3600)

    assert await claim_due(ledger) is None


async def test_each_lane_is_swept_for_itself(ledger: Ledger, wait: Wait) -> None:
    bulk, express = a_chunk("big"), a_chunk("small", lane=Lane.EXPRESS)
    await ledger.chunks.insert(bulk)
    await ledger.chunks.insert(express)
    await wait(61)

    assert await swept_id(ledger, lane=Lane.EXPRESS, fresh=True) == express.id
    assert await swept_id(ledger, lane=Lane.EXPRESS, fresh=True) is None
    assert await swept_id(ledger, lane=Lane.BULK, fresh=True) == bulk.id


async def test_what_waits_longest_is_found_first(ledger: Ledger, wait: Wait) -> None:
    now = ledger.now()
    lapsed = a_chunk(first=0)
    soon, later = (a_chunk(first=first, due_at=now + timedelta(seconds=first)) for first in (50, 70))
    for chunk in (later, soon, lapsed):
        await ledger.chunks.insert(chunk)
    await ledger.chunks.claim(lapsed.id, a_claim(lease_seconds=40))
    await wait(100)

    found = [await swept_id(ledger) for _ in range(4)]

    assert found == [lapsed.id, soon.id, later.id, None]
