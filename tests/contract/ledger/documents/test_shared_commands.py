"""Number of MongoDB commands of concurrent writes, and what a refused document does to the others of its command."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import MongoClient, monitoring

from bench.costs import CommandCosts, Costs
from ledger.errors import LedgerRefused
from ledger.mongo import MongoLedger
from ledger.mongo.grouped_writes import MAX_SHARED_DOCUMENTS, GroupedInserts, GroupedUpdates
from schemas.statuses import Channel, Lane
from tests.contract.ledger.steps import claim_chunk
from tests.support.builders import a_chunk, a_claim, a_head, a_key, a_log, a_part, some_counts

NUMBER = 50
NAMES = [f"req-{index}" for index in range(NUMBER)]


@dataclass(frozen=True, slots=True)
class Counted:
    """Ledger whose commands are counted."""

    ledger: MongoLedger
    database: str
    costs: Costs

    def writes(self) -> dict[str, int]:
        """The commands since the last call, without reads and sessions."""
        counts = {f"{what} {where}": number for (what, where), number in self.costs.counts.items()}
        self.costs.counts.clear()
        return counts


@pytest.fixture(scope="module")
def listener() -> CommandCosts:
    listener = CommandCosts()
    monitoring.register(listener)
    return listener


@pytest.fixture
async def counted(mongo_url: str, listener: CommandCosts) -> AsyncIterator[Counted]:
    name = f"shared_{uuid4().hex[:12]}"
    ledger = await MongoLedger.connect(mongo_url, name)
    await ledger.setup()
    costs = listener.watched[name] = Costs()
    yield Counted(ledger, name, costs)
    del listener.watched[name]
    await ledger.aclose()
    with MongoClient[dict[str, object]](mongo_url) as client:
        client.drop_database(name)


async def test_fifty_small_requests_share_four_commands(counted: Counted) -> None:
    requests, logs, now = counted.ledger.requests, counted.ledger.logs, counted.ledger.now()

    inserts = [
        requests.insert_small_claimed(a_head(name), a_part(), replace(a_chunk(name), in_request=True), a_claim())
        for name in NAMES
    ]
    claimed = await asyncio.gather(*inserts)
    assert counted.writes() == {"update requests": 1}
    await asyncio.gather(*(logs.insert_or_get([a_log(name)]) for name in NAMES))
    assert counted.writes() == {"insert communication_logs": 1}
    closes = [requests.close_small(claim.token, some_counts(sent=3), now) for claim in claimed if claim]
    assert all(await asyncio.gather(*closes))
    assert counted.writes() == {"update requests": 1}
    await asyncio.gather(*(requests.mark_completion_published(a_key(name)) for name in NAMES))
    assert counted.writes() == {"update requests": 1}


async def test_fifty_requests_that_are_expanded_step_by_step_share_their_commands(counted: Counted) -> None:
    requests, chunks, logs = counted.ledger.requests, counted.ledger.chunks, counted.ledger.logs
    written = [a_chunk(name) for name in NAMES]

    await asyncio.gather(*(requests.register_part(a_head(name), a_part()) for name in NAMES))
    assert counted.writes() == {"update requests": 1, "find requests": 1}
    await asyncio.gather(*map(chunks.insert, written))
    assert counted.writes() == {"insert chunks": 1}
    await asyncio.gather(*(requests.mark_part_expanded(a_key(name), 0) for name in NAMES))
    assert counted.writes() == {"update requests": 1, "find requests": 1}
    claimed = await asyncio.gather(*(chunks.claim(chunk.id, a_claim()) for chunk in written))
    assert counted.writes() == {
        "update requests": 1,  # a chunk of this id may be in its request
        "find requests": 1,
        "update chunks": 1,
        "find chunks": 1,
    }
    await asyncio.gather(*(logs.insert_or_get([a_log(name)]) for name in NAMES))
    assert counted.writes() == {"insert communication_logs": 1}
    closes = [chunks.close(claim.token, some_counts(sent=3)) for claim in claimed if claim]
    assert await asyncio.gather(*closes) == [True] * NUMBER
    assert counted.writes() == {"update chunks": 1}
    await asyncio.gather(*(requests.complete(a_key(name), some_counts(sent=3)) for name in NAMES))
    assert counted.writes() == {"findAndModify requests": NUMBER}
    await asyncio.gather(*(requests.mark_completion_published(a_key(name)) for name in NAMES))
    assert counted.writes() == {"update requests": 1}


async def test_fifty_claims_of_due_chunks_share_a_search_and_a_write(counted: Counted) -> None:
    chunks, due_at = counted.ledger.chunks, counted.ledger.now() - timedelta(seconds=1)
    for name in NAMES:
        await chunks.insert(a_chunk(name, due_at=due_at))
    counted.writes()

    claimed = await asyncio.gather(*(chunks.claim_due(Lane.BULK, Channel.SMS, a_claim()) for _ in NAMES))
    assert {claim.chunk.key for claim in claimed if claim} == set(map(a_key, NAMES))
    assert counted.writes() == {"find chunks": 2, "update chunks": 1}  # the search, and the read after the write
    assert await asyncio.gather(*(chunks.claim_due(Lane.BULK, Channel.SMS, a_claim()) for _ in NAMES)) == [None] * 50
    assert counted.writes() == {"find chunks": 1}


async def test_two_processes_claim_each_due_chunk_once(counted: Counted, mongo_url: str) -> None:
    other = await MongoLedger.connect(mongo_url, counted.database)
    due_at = counted.ledger.now() - timedelta(seconds=1)
    for name in NAMES:
        await counted.ledger.chunks.insert(a_chunk(name, due_at=due_at))

    every = [ledger.chunks.claim_due(Lane.BULK, Channel.SMS, a_claim()) for ledger in (counted.ledger, other) * NUMBER]
    claimed = [claim.chunk.key for claim in await asyncio.gather(*every) if claim]
    assert sorted(claimed) == sorted(map(a_key, NAMES))
    await other.aclose()


async def test_a_lone_write_is_one_command(counted: Counted) -> None:
    requests, chunks = counted.ledger.requests, counted.ledger.chunks

    await requests.register_part(a_head(), a_part())
    await chunks.insert(a_chunk())
    await requests.mark_part_expanded(a_key(), 0)
    claim = await claim_chunk(counted.ledger, a_chunk())
    await chunks.close(claim.token, some_counts(sent=3))
    assert counted.writes() == {
        "findAndModify requests": 3,  # begun, counted, and the chunk looked for in its request
        "insert chunks": 1,
        "findAndModify chunks": 1,
        "update chunks": 1,
    }


async def test_a_large_window_of_logs_is_a_command_of_its_own(counted: Counted) -> None:
    large = [a_log("large", index) for index in range(MAX_SHARED_DOCUMENTS + 1)]
    small = [a_log("small", index) for index in range(2 * MAX_SHARED_DOCUMENTS)]

    await asyncio.gather(*map(counted.ledger.logs.insert_or_get, [large, small[1::2], small[::2]]))
    assert counted.writes() == {"insert communication_logs": 2}


async def test_a_close_that_does_not_match_is_found_with_few_commands(counted: Counted) -> None:
    chunks, tokens = counted.ledger.chunks, []
    for name in NAMES:
        await chunks.insert(a_chunk(name))
        tokens.append((await claim_chunk(counted.ledger, a_chunk(name))).token)
    tokens[20] = replace(tokens[20], owner="another")
    counted.writes()

    answers = await asyncio.gather(*(chunks.close(token, some_counts(sent=3)) for token in tokens))
    assert answers == [at != 20 for at in range(NUMBER)]
    assert counted.writes()["update chunks"] <= 13  # all, and then twice each half: 25, 12, 6, 3, 1


async def test_a_document_that_the_server_refuses_fails_alone(counted: Counted, mongo_url: str) -> None:
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(mongo_url)
    collection = client[counted.database]["any"]
    inserts, updates = GroupedInserts(collection), GroupedUpdates(collection)
    ids: list[object] = [[at] if at == 7 else at for at in range(NUMBER)]  # an id must not be an array

    answers = await asyncio.gather(*(inserts.insert([{"_id": each}]) for each in ids), return_exceptions=True)
    assert [at for at, answer in enumerate(answers) if isinstance(answer, LedgerRefused)] == [7]
    assert await collection.count_documents({}) == NUMBER - 1

    changes = [{"$inc": {"_id": 1}} if at == 9 else {"$set": {"seen": True}} for at in range(NUMBER)]
    matched = await asyncio.gather(
        *(updates.update({"_id": at}, change) for at, change in enumerate(changes)), return_exceptions=True
    )
    assert [at for at, answer in enumerate(matched) if isinstance(answer, LedgerRefused)] == [9]
    assert [at for at, answer in enumerate(matched) if answer is False] == [7]
    assert await collection.count_documents({"seen": True}) == NUMBER - 2
    client.close()
