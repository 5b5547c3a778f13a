"""Erasure and deletion of old requests in bounded batches, and never of open ones."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from ledger.ports import Ledger
from ledger.queries import LogQuery
from tests.contract.ledger.conftest import Wait
from tests.contract.ledger.steps import claim_token
from tests.support.builders import TENANT, a_chunk, a_head, a_key, a_log, a_part, some_counts

DAY = 86_400.0
A_DAY, A_WEEK = timedelta(days=1), timedelta(days=7)


async def a_completed_request(ledger: Ledger, name: str = "req-1", *, announced: bool = True) -> None:
    """Write a completed request with two chunks of two recipients each."""
    await ledger.requests.register_part(a_head(name), a_part(size=4))
    for first in (0, 2):
        chunk = a_chunk(name, size=2, first=first)
        await ledger.chunks.insert(chunk)
        await ledger.logs.insert_or_get([a_log(name, index) for index in (first, first + 1)])
        await ledger.chunks.close(await claim_token(ledger, chunk), some_counts(sent=2))
    await ledger.requests.mark_part_expanded(a_key(name), 0)
    await ledger.requests.complete(a_key(name), some_counts(sent=4))
    if announced:
        await ledger.requests.mark_completion_published(a_key(name))


async def left(ledger: Ledger, name: str = "req-1") -> tuple[bool, int, int]:
    """Return whether the request exists, and the number of its chunks and logs."""
    request = await ledger.requests.get(a_key(name))
    chunks = [await ledger.chunks.get(a_chunk(name, first=first).id) for first in (0, 2)]
    logs = await ledger.logs.find(LogQuery(TENANT, key=a_key(name)))
    return request is not None, sum(chunk is not None for chunk in chunks), logs.total


async def sealed(ledger: Ledger, name: str = "req-1") -> tuple[bool, int]:
    """Return whether its text is stored, and the number of chunks with addresses."""
    request = await ledger.requests.get(a_key(name))
    assert request is not None
    chunks = [a_chunk(name, first=first).id for first in (0, 2)]
    return bool(request.header.sealed_text), len(await ledger.chunks.get_sealed(chunks))


async def batches(call: AsyncIterator[int]) -> list[int]:
    return [number async for number in call]


async def erasing(ledger: Ledger, after: timedelta = A_DAY, limit: int = 10) -> AsyncIterator[int]:
    while number := await ledger.retention.erase(after=after, limit=limit):
        yield number


async def deleting(ledger: Ledger, after: timedelta = A_DAY, limit: int = 10) -> AsyncIterator[int]:
    while number := await ledger.retention.delete(after=after, limit=limit):
        yield number


async def test_nothing_goes_before_its_time(ledger: Ledger, wait: Wait) -> None:
    await a_completed_request(ledger)
    await wait(DAY - 60)

    assert await batches(erasing(ledger)) == []
    assert await batches(deleting(ledger)) == []
    assert await sealed(ledger) == (True, 2)
    assert await left(ledger) == (True, 2, 4)


async def test_what_is_sealed_is_erased_and_all_else_stays(ledger: Ledger, wait: Wait) -> None:
    await a_completed_request(ledger)
    before = await ledger.chunks.get(a_chunk().id)
    await wait(DAY + 1)

    assert await batches(erasing(ledger, limit=1)) == [1, 1, 1]

    assert await sealed(ledger) == (False, 0)
    assert await left(ledger) == (True, 2, 4)
    after = await ledger.chunks.get(a_chunk().id)
    assert before is not None
    assert after is not None
    assert (after.masked, after.hashes, after.work, after.sealed) == (before.masked, before.hashes, before.work, b"")
    assert await ledger.chunks.counts(a_key()) == some_counts(sent=4)


async def test_the_text_is_erased_after_all_addresses(ledger: Ledger, wait: Wait) -> None:
    await a_completed_request(ledger)
    await wait(DAY + 1)

    seen = [await sealed(ledger) async for _ in erasing(ledger, limit=1)]

    assert seen == [(True, 1), (True, 0), (False, 0)]


async def test_a_request_is_deleted_after_its_logs_and_chunks(ledger: Ledger, wait: Wait) -> None:
    await a_completed_request(ledger)
    await wait(DAY + 1)

    seen = [await left(ledger) async for _ in deleting(ledger, limit=3)]

    assert seen == [(True, 2, 1), (True, 2, 0), (True, 0, 0), (False, 0, 0)]


@pytest.mark.parametrize("open_in", ["chunk", "completion", "announcement"])
async def test_what_is_still_open_stays_for_ever(ledger: Ledger, wait: Wait, open_in: str) -> None:
    if open_in == "chunk":
        await ledger.requests.register_part(a_head(), a_part(size=4))
        await ledger.chunks.insert(a_chunk(size=2))
        await ledger.chunks.insert(a_chunk(size=2, first=2))
        await ledger.requests.mark_part_expanded(a_key(), 0)
    elif open_in == "completion":
        await a_completed_request(ledger, "other")
        await ledger.requests.register_part(a_head(), a_part(size=4))
    else:
        await a_completed_request(ledger, announced=False)
    await wait(400 * DAY)
    before = await left(ledger), await sealed(ledger)

    await batches(erasing(ledger))
    await batches(deleting(ledger))

    assert (await left(ledger), await sealed(ledger)) == before


async def test_only_what_is_old_enough_goes_and_its_neighbours_stay(ledger: Ledger, wait: Wait) -> None:
    await a_completed_request(ledger, "old")
    await wait(2 * DAY)
    await a_completed_request(ledger, "new")
    await wait(6 * DAY)

    await batches(deleting(ledger, after=A_WEEK))
    await batches(erasing(ledger, after=A_DAY * 3))

    assert await left(ledger, "old") == (False, 0, 0)
    assert await left(ledger, "new") == (True, 2, 4)
    assert await sealed(ledger, "new") == (False, 0)


async def test_what_was_erased_is_deleted_in_its_turn(ledger: Ledger, wait: Wait) -> None:
    await a_completed_request(ledger)
    await wait(8 * DAY)
    await batches(erasing(ledger))

    await batches(deleting(ledger, after=A_WEEK))

    assert await left(ledger) == (False, 0, 0)
