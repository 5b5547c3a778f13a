"""Recipients that cause an internal error have no hash of their own. They are not compared with each other."""

import uuid
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest

from consumer.expand.expansion_queue import expand_or_reject
from core.ids import RequestKey
from ledger.mongo import MongoLedger
from ledger.sealing import HASH_BYTES, Sealer
from tests.flow.consumer.faults.test_repeated_failures import NUMBERS, Thirteen
from tests.flow.world import World


class Lookups:
    """Chunk store that records the hashes it is asked for."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.hashes = inner, list[bytes]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def find_duplicates(self, key: RequestKey, below_part: int, hashes: Collection[bytes]) -> Any:
        self.hashes += hashes
        return await self._inner.find_duplicates(key, below_part, hashes)


@pytest.fixture(params=["memory", "mongo"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    world = World()
    if request.param == "memory":
        yield world
        return
    url, database = request.getfixturevalue("mongo_url"), f"unprocessable_{uuid.uuid4().hex[:8]}"
    mongo = await MongoLedger.connect(url, database)
    await mongo.setup()
    world.ledger = mongo  # type: ignore[assignment]
    yield world
    await mongo._client.drop_database(database)
    await mongo.aclose()


async def test_recipients_that_cause_an_internal_error_are_not_duplicates_across_parts(world: World) -> None:
    world.sealer = Thirteen([("k1", bytes(32))])
    lookups = world.ledger.chunks = Lookups(world.ledger.chunks)  # type: ignore[assignment]
    for part in (0, 1):
        record = world.record(NUMBERS[part], f"13900000{part}03", part=part, last=part == 1)
        await expand_or_reject(record, "cluster", world.context())
    await world.deliver_all()
    assert await world.outcomes() == [("sent", None), ("failed", "unprocessable")] * 2
    assert lookups.hashes == [Sealer([("k1", bytes(32))]).hash(b"+8613800000001", "k1")]
    assert bytes(HASH_BYTES) not in lookups.hashes
