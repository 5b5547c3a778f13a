"""Claims, leases and take-overs of chunks (I3, I4) in both ledgers."""

import asyncio
import uuid
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from pymongo import MongoClient

from core.chunk_work import Batch, Window, Work
from ledger.mongo import MongoLedger
from ledger.ports import Ledger
from schemas.statuses import Channel
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import SHORT, claim_chunk, claim_due, insert_and_claim
from tests.support.builders import a_chunk, a_claim, some_counts


async def test_a_claim_takes_the_next_batch_as_its_first_window(ledger: Ledger) -> None:
    chunk = a_chunk(size=5, window_size=2)
    claim = a_claim("me")

    taken = await insert_and_claim(ledger, chunk, claim)

    assert taken.window == Window(Batch(((0, 2),)), "first")
    assert not taken.taken_over
    assert taken.chunk.work == Work(untried=((2, 5),))
    assert (taken.token.chunk_id, taken.token.owner, taken.token.lease_seconds) == (chunk.id, "me", 30.0)


async def test_a_claim_brings_the_recipients_as_they_were_written(ledger: Ledger) -> None:
    chunk = a_chunk(first=3, size=2, references=["order-1", None], channel=Channel.EMAIL, searchable=True)

    taken = await insert_and_claim(ledger, chunk)

    assert taken.chunk.masked == chunk.masked
    assert taken.chunk.hashes == chunk.hashes
    assert taken.chunk.references == chunk.references
    assert taken.chunk.sealed == chunk.sealed
    assert (taken.chunk.first, taken.chunk.size, taken.chunk.part) == (3, 2, 0)
    assert taken.chunk.searchable


async def test_an_unknown_chunk_cannot_be_claimed(ledger: Ledger) -> None:
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

    answers = await asyncio.gather(*(claim_due(ledger, fresh=True) for _ in range(5)))

    assert Counter(answer.chunk.id for answer in answers if answer) == Counter(chunk.id for chunk in chunks)


async def test_a_claimed_chunk_is_refused_to_others(ledger: Ledger) -> None:
    chunk = a_chunk()
    await insert_and_claim(ledger, chunk)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_a_repeated_claim_is_answered_as_the_first_time(ledger: Ledger) -> None:
    chunk = a_chunk(size=5, window_size=2)
    claim = a_claim()
    first = await insert_and_claim(ledger, chunk, claim)

    again = await claim_chunk(ledger, chunk, claim)

    assert again.token == first.token
    assert again.window == first.window
    assert again.chunk.work == first.chunk.work
    assert not again.taken_over


async def test_a_repeated_take_over_still_says_that_it_is_one(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))
    await wait(SHORT)
    claim = a_claim()
    first = await claim_chunk(ledger, chunk, claim)

    again = await claim_chunk(ledger, chunk, claim)

    assert again.taken_over
    assert again.token == first.token


async def test_a_repeated_claim_extends_the_lease(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    claim = a_claim(lease_seconds=SHORT)
    await insert_and_claim(ledger, chunk, claim)

    await claim_chunk(ledger, chunk, replace(claim, lease_seconds=30))
    await wait(SHORT)

    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_a_lapsed_lease_lets_another_take_over_the_open_window(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(size=5, window_size=2)
    before = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))
    await wait(SHORT)

    after = await claim_chunk(ledger, chunk, a_claim())

    assert after.taken_over
    assert after.token.fence == before.token.fence + 1
    assert after.window == before.window
    assert after.chunk.work == before.chunk.work


async def test_a_lapsed_lease_without_a_window_is_no_take_over(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk()
    before = await insert_and_claim(ledger, chunk, a_claim(lease_seconds=SHORT))
    done = Work(counts=some_counts(sent=3), unacknowledged=((0, 3),))
    await ledger.chunks.advance(before.token, done, None)
    await wait(SHORT)

    after = await claim_chunk(ledger, chunk)

    assert not after.taken_over
    assert after.window is None
    assert after.chunk.work == done


async def test_a_chunk_with_nothing_to_send_is_claimed_without_a_window(ledger: Ledger) -> None:
    taken = await insert_and_claim(ledger, a_chunk(work=Work()))

    assert taken.window is None
    assert not taken.taken_over


@pytest.mark.parametrize(
    ("batch", "provider"),
    [
        (Batch(((0, 3),), provider="a"), "a"),
        (Batch(((0, 3),), 2, refused_by=("a", "b"), provider="c"), "c"),
        (Batch(((0, 3),), 1, frozenset({1}), "only this one"), "only this one"),
        (Batch(((0, 3),)), None),
    ],
)
async def test_the_first_window_has_the_provider_that_was_chosen_with_its_batch(
    ledger: Ledger, batch: Batch, provider: str | None
) -> None:
    taken = await insert_and_claim(ledger, a_chunk(work=Work(next=batch)))

    assert taken.window == Window(replace(batch, provider=None), provider)
    assert Window.of(taken.window.as_batch) == taken.window


async def test_a_chunk_is_not_claimed_before_it_is_due(ledger: Ledger, wait: Wait) -> None:
    chunk = a_chunk(due_at=ledger.now() + timedelta(seconds=600))
    await ledger.chunks.insert(chunk)

    early = await ledger.chunks.claim(chunk.id, a_claim())
    await wait(601)

    assert early is None
    assert not (await claim_chunk(ledger, chunk)).taken_over


async def test_a_closed_chunk_is_not_claimed_even_by_the_owner_that_closed_it(ledger: Ledger) -> None:
    chunk = a_chunk()
    claim = a_claim()
    taken = await insert_and_claim(ledger, chunk, claim)
    await ledger.chunks.close(taken.token, some_counts(sent=3))

    assert await ledger.chunks.claim(chunk.id, claim) is None
    assert await ledger.chunks.claim(chunk.id, a_claim()) is None


async def test_the_cancel_mark_comes_with_the_claim(ledger: Ledger) -> None:
    assert (await insert_and_claim(ledger, a_chunk(cancelled=True))).chunk.cancelled
    assert not (await insert_and_claim(ledger, a_chunk(first=3))).chunk.cancelled


async def test_a_chunk_that_an_older_version_wrote_is_found_too(mongo_url: str) -> None:
    """Claim a chunk whose document has no field `fresh`."""
    database, chunk = f"older_{uuid.uuid4().hex[:8]}", a_chunk(due_at=None)
    ledger = await MongoLedger.connect(mongo_url, database)
    with MongoClient[dict[str, object]](mongo_url) as client:
        try:
            await ledger.setup()
            await ledger.chunks.insert(chunk)
            long_ago = ledger.now() - timedelta(minutes=2)
            client[database]["chunks"].update_one({}, {"$unset": {"fresh": True}, "$set": {"sweep_at": long_ago}})
            assert await claim_due(ledger, fresh=True) is None
            found = await claim_due(ledger)
            assert found is not None
            assert found.chunk.id == chunk.id
        finally:
            client.drop_database(database)
            await ledger.aclose()
