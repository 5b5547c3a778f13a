"""Many requests of an intake topic are expanded at a time: parts in their order, offsets in theirs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from consumer.context import ConsumerContext
from consumer.expand import queue as expansions_module
from consumer.expand.queue import MAX_CONCURRENT_BYTES, MAX_CONCURRENT_RECORDS, ExpansionQueue, ordering_key
from consumer.flow_control.circuit_breaker import CircuitBreakerLimits, IntakeCircuitBreaker
from consumer.kafka.offset_tracker import OffsetTracker
from consumer.kafka.record import KafkaRecord
from tests.flow.consumer.test_sweeper import until
from tests.flow.world import World

TOPIC = "communication.bulk.requests"


class Partition:
    """One partition of the intake, and what was committed of it."""

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
    """Stands in for `expand`: notes which records are under way, and ends each when it is told to."""

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


@pytest.fixture
def expanding(monkeypatch: pytest.MonkeyPatch) -> Expanding:
    stand_in = Expanding()
    monkeypatch.setattr(expansions_module, "expand", stand_in)
    return stand_in


@asynccontextmanager
async def an_intake(context: ConsumerContext, *records: KafkaRecord, of: Partition) -> AsyncIterator[ExpansionQueue]:
    """What reads the records one after the other, as the subscriber does."""
    taking = ExpansionQueue("cluster", OffsetTracker(context.stopping, context.sleep), context)

    async def read() -> None:
        for record in records:
            await taking.submit(record, of.commit)

    reading = asyncio.create_task(read())
    try:
        yield taking
    finally:
        context.stopping.set()
        await taking.drain(1)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


def part(number: int) -> bytes:
    return orjson.dumps({"part": number, "last": False})


async def test_an_offset_is_committed_when_everything_before_it_is_dealt_with(expanding: Expanding) -> None:
    partition = Partition()
    records = [partition.append(b"{}", key=b"%d" % number) for number in range(4)]
    async with an_intake(World().context(), *records, of=partition):
        await until(lambda: expanding.begun == [0, 1, 2, 3])
        expanding.end(1, 3)
        await asyncio.sleep(0.05)
        assert partition.committed == []
        expanding.end(0)
        await until(lambda: partition.committed == [2])
        expanding.end(2)
        await until(lambda: partition.committed == [2, 4])


async def test_parts_of_one_request_are_expanded_in_their_order(expanding: Expanding) -> None:
    partition = Partition()
    keys = [b"r1", b"r1", b"r2", None, None]
    records = [partition.append(part(number), key) for number, key in enumerate(keys)]
    async with an_intake(World().context(), *records, of=partition):
        await until(lambda: expanding.begun == [0, 2, 3])
        expanding.end(0)
        await until(lambda: expanding.begun == [0, 2, 3, 1])
        expanding.end(3)
        await until(lambda: expanding.begun == [0, 2, 3, 1, 4])


async def test_so_many_are_expanded_at_a_time_and_no_more(expanding: Expanding) -> None:
    partition = Partition()
    records = [partition.append(b"{}") for _ in range(MAX_CONCURRENT_RECORDS + 2)]
    async with an_intake(World().context(), *records, of=partition):
        await until(lambda: len(expanding.begun) == MAX_CONCURRENT_RECORDS)
        await asyncio.sleep(0.05)
        assert len(expanding.begun) == MAX_CONCURRENT_RECORDS
        expanding.end(3, 5)
        await until(lambda: len(expanding.begun) == MAX_CONCURRENT_RECORDS + 2)


async def test_what_is_large_is_expanded_alone(expanding: Expanding) -> None:
    partition = Partition()
    large = b'{"content": "' + b"x" * MAX_CONCURRENT_BYTES + b'"}'
    records = [partition.append(value) for value in (b"{}", large, b"{}")]
    async with an_intake(World().context(), *records, of=partition):
        for number in range(3):
            await until(lambda number=number: len(expanding.begun) == number + 1)  # type: ignore[misc]
            await asyncio.sleep(0.02)
            assert expanding.begun == list(range(number + 1))
            expanding.end(number)


async def test_a_commit_that_fails_is_made_up_for_although_nothing_more_is_read(expanding: Expanding) -> None:
    partition, slept = Partition(failures=2), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    expanding.end(0)
    async with an_intake(replace(World().context(), sleep=sleep), partition.append(b"{}"), of=partition):
        await until(lambda: partition.committed == [1])
    assert len(slept) == 2


async def test_a_record_that_is_read_again_is_committed_once_and_as_the_newer_reading_says(
    expanding: Expanding,
) -> None:
    """A rebalance in the middle: the group's position is where the last commit stands."""
    partition = Partition()
    first, second = partition.append(b"{}", b"r1"), partition.append(b"{}", b"r2")
    async with an_intake(World().context(), first, second, of=partition) as taking:
        await until(lambda: expanding.begun == [0, 1])
        await taking.submit(first, partition.commit)
        expanding.end(1)
        await asyncio.sleep(0.05)
        assert partition.committed == []
        expanding.end(0)
        await until(lambda: partition.committed)
        assert partition.committed == [1], "the second is to be read again as well"


async def test_no_more_is_taken_once_it_is_too_much_poison() -> None:
    world, partition = World(), Partition()
    context = replace(
        world.context(), circuit_breaker=IntakeCircuitBreaker(CircuitBreakerLimits(run=3, share=1.0, sample=100))
    )
    records = [partition.append(b"rubbish") for _ in range(50)]
    async with an_intake(context, *records, of=partition) as taking:
        await until(lambda: len(world.bus.dead_letters) == 3 and partition.committed)
        await asyncio.sleep(0.1)
        assert not taking._at_work
        assert len(world.bus.dead_letters) == 3
        assert partition.committed[-1] == 3


async def test_a_stop_leaves_what_is_not_done_in_time_to_come_again(expanding: Expanding) -> None:
    partition = Partition()
    records = [partition.append(b"{}") for _ in range(3)]
    context = World().context()
    async with an_intake(context, *records, of=partition) as taking:
        await until(lambda: len(expanding.begun) == 3)
        context.stopping.set()
        expanding.end(0, 2)
        await taking.drain(0.05)
        await until(lambda: partition.committed == [1] and not taking._at_work)


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
def test_what_has_to_be_in_order(value: Any, key: bytes | None, order: bytes) -> None:
    assert ordering_key(KafkaRecord(TOPIC, 0, 0, 0, key, value, ())) == order
