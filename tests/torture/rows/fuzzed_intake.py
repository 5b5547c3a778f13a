"""Row 21: the intake is fuzzed with records of every kind."""

import asyncio
import random
import time

from schemas.topic_definitions import Topics
from tests.e2e.caller import Reader, reading
from tests.support.deployment import peak_memory_kb
from tests.support.kafka_topics import take_any_timestamp
from tests.support.polling import wait_until
from tests.support.record_batches import RawProducer
from tests.torture.fuzz import FuzzedBatch, draw_batches
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.world import Round, World

RECORDS = 10_000
TINY_RECORDS = 300
MOST_BYTES = 500_000_000
MOST_SECONDS = 60.0
MOST_MEMORY_KB = 150_000
MOST_UNDER_WAY = 100
"""Good records that were published and are not completed, at most, so that their time is that of the consumers."""
PARTITIONS = 4


class Fuzzing:
    """What was published, and when."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.bad: set[str] = set()
        """Origins of the bad records."""
        self.bytes = 0
        self.longest_seconds = 0.0
        self._published_at: dict[str, float] = {}

    @property
    def under_way(self) -> int:
        return len(self._published_at)

    async def publish(self, raw: RawProducer, batch: FuzzedBatch, topics: Topics, rng: random.Random) -> None:
        topic, partition = rng.choice(topics.intake), rng.randrange(PARTITIONS)
        data = batch.data()
        self.bytes += len(data)
        first = await raw.publish(topic, partition, data)
        for offset, record in enumerate(batch.records, first):
            if record.order:
                self._world.orders_published.append(record.order)
                self._published_at[record.order.request_id] = time.monotonic()
            else:
                self.bad.add(f"{topic}/{partition}/{offset}")

    async def watch(self) -> None:
        """Note how long each good record takes, until this is cancelled."""
        while True:
            now, completed = time.monotonic(), self._world.results.completed_ids()
            for request_id in self._published_at.keys() & completed:
                self.longest_seconds = max(self.longest_seconds, now - self._published_at.pop(request_id))
            await asyncio.sleep(0.1)


@row(21, "10,000 fuzzed records, up to 40% of them bad", "every good one within 60 s, every bad one a dead letter")
async def fuzzed_intake(round_: Round) -> Reconciliation:
    is_whole = round_.recipients >= 3_000
    async with round_.world(MAX_CHUNKS_IN_FLIGHT=16, EXPRESS_CHUNKS_IN_FLIGHT=24) as world:
        topics, letters = world.deployment.topics, Reader(world.deployment.topics.dead_letters)
        for topic in topics.intake:
            await take_any_timestamp(world.deployment.bootstrap, topic)
        consumers = await world.consumers(2)
        fuzzing = Fuzzing(world)
        async with reading(world.deployment.bootstrap, letters), RawProducer(world.deployment.bootstrap) as raw:
            watching = asyncio.create_task(fuzzing.watch())
            for batch in draw_batches(round_.rng, RECORDS if is_whole else TINY_RECORDS):
                await fuzzing.publish(raw, batch, topics, round_.rng)
                await wait_until(lambda: fuzzing.under_way < MOST_UNDER_WAY, 300)
            await wait_until(lambda: not fuzzing.under_way, 300)
            watching.cancel()
            await wait_until(lambda: fuzzing.bad <= origins(letters), 120)
        world.faults = len(fuzzing.bad)
        books = await world.books()
        memory = max(map(peak_memory_kb, consumers))
        books.hold(notes=f"{fuzzing.bytes / 1e6:,.0f} MB, {fuzzing.longest_seconds:.1f} s, {memory:,} KB")
        if origins(letters) != fuzzing.bad:
            raise DoesNotHold(f"dead letters of good records: {sorted(origins(letters) - fuzzing.bad)[:3]}", books)
        if fuzzing.bytes > MOST_BYTES or memory > MOST_MEMORY_KB:
            raise DoesNotHold(f"a consumer took {memory:,} KB of memory for {fuzzing.bytes:,} bytes", books)
        if is_whole and fuzzing.longest_seconds > MOST_SECONDS:
            raise DoesNotHold(f"a good record took {fuzzing.longest_seconds:.1f} s", books)
        return books


def origins(letters: Reader) -> set[str]:
    return {dict(letter.headers)["origin"].decode() for letter in letters.records}
