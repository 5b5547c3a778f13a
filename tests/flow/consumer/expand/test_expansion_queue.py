"""Concurrent expansion of an intake topic. Parts of a request and offsets of a partition keep their order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from consumer.context import ConsumerContext
from consumer.expand import large_records
from consumer.expand.expand import expand
from consumer.expand.expansion_queue import (
    MAX_CONCURRENT_RECORDS,
    ExpandRecord,
    ExpansionQueue,
    ordering_key,
)
from consumer.expand.large_records import LARGE_BYTES, MAX_EXPANDED_BYTES, MAX_READ_BYTES, MAX_READ_RECORDS
from consumer.flow_control.circuit_breaker import CircuitBreakerLimits, IntakeCircuitBreaker
from consumer.kafka.offset_tracker import OffsetTracker
from consumer.kafka.record import KafkaRecord
from tests.flow.world import World
from tests.support.polling import wait_until

TOPIC = "communication.bulk.requests"


class Partition:
    """One partition of the intake, with its committed offsets."""

    def __init__(self, failures: int = 0) -> None:
        self.length, self.committed, self.failures = 0, list[int](), failures

    def append(self, value: bytes, key: bytes | None = None) -> KafkaRecord:
        self.length += 1
        return KafkaRecord(TOPIC, 0, self.length - 1, 0, key, value, ())

    async def commit(self, offset: int) -> bool:
        self.failures -= 1
        if self.failures >= 0:
            return False
        self.committed.append(offset)
        return True


class Expanding:
    """A replacement of `expand`. It records the offsets it is called for, and ends each on command."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.free: dict[int, asyncio.Event] = {}

    async def __call__(
        self, record: KafkaRecord, cluster: str, context: ConsumerContext, *, isolate_failures: bool = False
    ) -> None:
        del cluster, context, isolate_failures
        self.begun.append(record.offset)
        await self.free.setdefault(record.offset, asyncio.Event()).wait()

    def end(self, *offsets: int) -> None:
        for offset in offsets:
            self.free.setdefault(offset, asyncio.Event()).set()


class Intake:
    """The queue of a topic, with a reader that submits one record after the other, as the subscriber does."""

    def __init__(self, context: ConsumerContext, partition: Partition, expand_record: ExpandRecord) -> None:
        self._tracker = OffsetTracker(context.stopping, context.sleep)
        self._partition = partition
        self.queue = ExpansionQueue("cluster", context, expand_record)
        self.read = 0
        """Number of records that the reader has submitted. The queue may still make it wait for the last one."""

    async def submit(self, record: KafkaRecord) -> None:
        self.read += 1
        await self.queue.submit(record, self._tracker.start(record, self._partition.commit))

    async def read_all(self, records: Sequence[KafkaRecord]) -> None:
        for record in records:
            await self.submit(record)

    @property
    def at_work(self) -> int:
        return len(self.queue._at_work)

    async def commits_ended(self) -> list[int]:
        """Return the committed offsets after all running commits have ended."""
        await self._tracker.drain(10)
        return self._partition.committed


@asynccontextmanager
async def an_intake(
    context: ConsumerContext, *records: KafkaRecord, of: Partition, expand_record: ExpandRecord
) -> AsyncIterator[Intake]:
    intake = Intake(context, of, expand_record)
    reading = asyncio.create_task(intake.read_all(records))
    try:
        yield intake
    finally:
        context.stopping.set()
        await intake.queue.drain(1)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


def part(number: int) -> bytes:
    return orjson.dumps({"part": number, "last": False})


async def test_an_offset_is_committed_when_everything_before_it_is_done() -> None:
    partition, expanding = Partition(), Expanding()
    records = [partition.append(b"{}", key=b"%d" % number) for number in range(4)]
    async with an_intake(World().context(), *records, of=partition, expand_record=expanding) as intake:
        await wait_until(lambda: expanding.begun == [0, 1, 2, 3], seconds=10)
        expanding.end(1, 3)
        await wait_until(lambda: intake.at_work == 2, seconds=10)
        assert await intake.commits_ended() == []
        expanding.end(0)
        await wait_until(lambda: partition.committed == [2], seconds=10)
        expanding.end(2)
        await wait_until(lambda: partition.committed == [2, 4], seconds=10)


async def test_parts_of_one_request_are_expanded_in_their_order() -> None:
    partition, expanding = Partition(), Expanding()
    keys = [b"r1", b"r1", b"r2", None, None]
    records = [partition.append(part(number), key) for number, key in enumerate(keys)]
    async with an_intake(World().context(), *records, of=partition, expand_record=expanding):
        await wait_until(lambda: expanding.begun == [0, 2, 3], seconds=10)
        expanding.end(0)
        await wait_until(lambda: expanding.begun == [0, 2, 3, 1], seconds=10)
        expanding.end(3)
        await wait_until(lambda: expanding.begun == [0, 2, 3, 1, 4], seconds=10)


async def test_the_number_of_concurrent_expansions_is_limited() -> None:
    partition, expanding = Partition(), Expanding()
    records = [partition.append(b"{}") for _ in range(MAX_CONCURRENT_RECORDS + 2)]
    async with an_intake(World().context(), *records, of=partition, expand_record=expanding) as intake:
        await wait_until(lambda: intake.read == MAX_CONCURRENT_RECORDS + 1, seconds=10)
        assert intake.at_work == MAX_CONCURRENT_RECORDS
        await wait_until(lambda: len(expanding.begun) == MAX_CONCURRENT_RECORDS, seconds=10)
        expanding.end(3, 5)
        await wait_until(lambda: len(expanding.begun) == MAX_CONCURRENT_RECORDS + 2, seconds=10)


def large(size: int) -> bytes:
    return b'{"content": "' + b"x" * size + b'"}'


async def test_the_largest_records_are_expanded_one_at_a_time_in_their_order() -> None:
    partition, expanding = Partition(), Expanding()
    records = [partition.append(large(MAX_EXPANDED_BYTES)) for _ in range(3)]
    async with an_intake(World().context(), *records, of=partition, expand_record=expanding):
        for number in range(3):
            await wait_until(lambda number=number: expanding.begun == list(range(number + 1)), seconds=10)  # type: ignore[misc]
            expanding.end(number)


async def test_small_records_pass_large_ones() -> None:
    partition, expanding = Partition(), Expanding()
    values = [large(MAX_EXPANDED_BYTES), large(MAX_EXPANDED_BYTES), b"{}", b"{}"]
    records = [partition.append(value) for value in values]
    async with an_intake(World().context(), *records, of=partition, expand_record=expanding) as intake:
        await wait_until(lambda: expanding.begun == [0, 2, 3], seconds=10)
        expanding.end(2, 3)
        await wait_until(lambda: intake.at_work == 2, seconds=10)
        expanding.end(0)
        await wait_until(lambda: expanding.begun == [0, 2, 3, 1], seconds=10)


async def test_the_memory_of_a_large_record_is_given_back_before_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    partition, expanding, begun_at = Partition(), Expanding(), list[int]()
    monkeypatch.setattr(large_records, "give_back_freed_memory", lambda: begun_at.append(len(expanding.begun)))
    records = [partition.append(value) for value in (b"{}", large(MAX_EXPANDED_BYTES), large(MAX_EXPANDED_BYTES))]
    expanding.end(0, 1, 2)
    async with an_intake(World().context(), *records, of=partition, expand_record=expanding):
        await wait_until(lambda: begun_at == [2, 3], seconds=10)


@pytest.mark.parametrize(("size", "number"), [(MAX_READ_BYTES // 3, 2), (LARGE_BYTES, MAX_READ_RECORDS)])
async def test_the_number_and_size_of_the_large_records_that_are_read_is_limited(size: int, number: int) -> None:
    partition, expanding = Partition(), Expanding()
    records = [partition.append(large(size)) for _ in range(number + 2)]
    async with an_intake(World().context(), *records, of=partition, expand_record=expanding) as intake:
        await wait_until(lambda: intake.read == number + 1, seconds=10)
        assert intake.at_work == number


async def test_a_failed_commit_is_repeated_although_no_further_record_is_read() -> None:
    partition, expanding, slept = Partition(failures=2), Expanding(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    expanding.end(0)
    context = replace(World().context(), sleep=sleep)
    async with an_intake(context, partition.append(b"{}"), of=partition, expand_record=expanding):
        await wait_until(lambda: partition.committed == [1], seconds=10)
    assert len(slept) == 2


async def test_a_record_that_is_read_again_is_committed_once_and_by_its_newer_reading() -> None:
    """After a rebalance Kafka delivers every record again from the last committed offset."""
    partition, expanding = Partition(), Expanding()
    first, second = partition.append(b"{}", b"r1"), partition.append(b"{}", b"r2")
    async with an_intake(World().context(), first, second, of=partition, expand_record=expanding) as intake:
        await wait_until(lambda: expanding.begun == [0, 1], seconds=10)
        await intake.submit(first)
        expanding.end(1)
        await wait_until(lambda: intake.at_work == 2, seconds=10)
        assert await intake.commits_ended() == []
        expanding.end(0)
        await wait_until(lambda: partition.committed, seconds=10)
        assert partition.committed == [1], "the second is to be read again as well"


async def test_no_more_records_are_expanded_after_the_circuit_breaker_opened() -> None:
    world, partition = World(), Partition()
    context = replace(
        world.context(), circuit_breaker=IntakeCircuitBreaker(CircuitBreakerLimits(run=3, share=1.0, sample=100))
    )
    records = [partition.append(b"rubbish") for _ in range(50)]
    async with an_intake(context, *records, of=partition, expand_record=expand) as intake:
        await wait_until(lambda: context.readiness.problems()["intake"] and not intake.at_work, seconds=10)
        committed = await intake.commits_ended()
        assert len(world.bus.dead_letters) == 3
        assert committed[-1] == 3


async def test_a_stop_leaves_unfinished_records_to_be_read_again() -> None:
    partition, expanding = Partition(), Expanding()
    records = [partition.append(b"{}") for _ in range(3)]
    context = World().context()
    async with an_intake(context, *records, of=partition, expand_record=expanding) as intake:
        await wait_until(lambda: len(expanding.begun) == 3, seconds=10)
        context.stopping.set()
        expanding.end(0, 2)
        await intake.queue.drain(0.05)
        await wait_until(lambda: partition.committed == [1] and not intake.at_work, seconds=10)


@pytest.mark.parametrize(
    ("value", "key", "order"),
    [
        (b"{}", b"r1", b"r1"),
        (part(3), b"r1", b"r1"),
        (part(3), None, b"part"),
        (b"{}", None, b""),
        (None, None, b""),
        (b"{}", b"", b""),
    ],
)
def test_records_that_must_stay_in_order_share_a_key(value: Any, key: bytes | None, order: bytes) -> None:
    assert ordering_key(KafkaRecord(TOPIC, 0, 0, 0, key, value, ())) == order
