"""A position that a real Kafka moves on without a record is committed, and no record that is not done ever is."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete

from config.settings import CommonSettings
from consumer.kafka.group_commits import RebalanceSafeCommitter
from consumer.kafka.kafka_bus import KafkaBus
from consumer.kafka.offset_tracker import OffsetTracker, TrackedRecord
from consumer.kafka.read_positions import ReadPositions
from consumer.kafka.record import KafkaRecord
from consumer.monitoring.metrics import Metrics
from consumer.subscribers import _SUBSCRIPTION_OPTIONS
from devstack import Stack
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until

ISOLATION = _SUBSCRIPTION_OPTIONS["isolation_level"]


@dataclass
class Member:
    """A member of the group that reads as FastStream does: one record at a time, each until its handler returns."""

    consumer: AIOKafkaConsumer
    positions: ReadPositions
    read: list[TrackedRecord] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)


@dataclass
class Group:
    """The intake group of an installation of its own, and the lag that its sweeper sees."""

    bootstrap: str
    bus: KafkaBus
    topic: str
    group_id: str

    @contextlib.asynccontextmanager
    async def member(self) -> AsyncIterator[Member]:
        offsets, commits = OffsetTracker(asyncio.Event(), asyncio.sleep), RebalanceSafeCommitter()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            group_id=self.group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level=ISOLATION,
            heartbeat_interval_ms=300,
        )
        consumer.subscribe([self.topic], listener=commits)
        member = Member(consumer, ReadPositions(offsets, Metrics(), asyncio.get_running_loop().time))
        position = member.positions.watch(self.topic, member, commits)

        async def handle() -> None:
            while True:
                record = await consumer.getone()
                with position.in_handler():
                    at = TopicPartition(record.topic, record.partition)
                    plain = KafkaRecord(*at, record.offset, record.timestamp, record.key, record.value, ())
                    member.read.append(offsets.start(plain, partial(commits.commit, consumer, at)))
                    member.values.append(plain.value)

        await consumer.start()
        reading = asyncio.create_task(handle())
        try:
            yield member
        finally:
            reading.cancel()
            await consumer.stop()

    async def lag(self, *members: Member, partition: int = 0) -> int:
        """Return the lag after the members have checked their positions."""
        for member in members:
            member.positions.check()
        return await self.bus.consumer_lag(self.topic, partition)

    async def no_lag(self, *members: Member, partition: int = 0) -> None:
        async def without_lag() -> bool:
            return await self.lag(*members, partition=partition) == 0

        await wait_until(without_lag, seconds=30)

    @contextlib.asynccontextmanager
    async def transaction(self, *values: bytes, partition: int = 0) -> AsyncIterator[AIOKafkaProducer]:
        """Yield the producer of an open transaction whose records Kafka has written."""
        name = f"{self.topic}-{uuid.uuid4().hex[:8]}"
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, transactional_id=name) as producer:
            await producer.begin_transaction()
            for value in values:
                await producer.send_and_wait(self.topic, value, partition=partition)
            yield producer

    async def publish(self, *values: bytes, partition: int = 0) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap) as producer:
            for value in values:
                await producer.send_and_wait(self.topic, value, partition=partition)


@pytest.fixture
async def group(kafka_stack: Stack) -> AsyncIterator[Group]:
    settings = CommonSettings(kafka_bootstrap=kafka_stack.kafka_bootstrap, topic_prefix=f"t{uuid.uuid4().hex[:8]}")
    topic = settings.topics.requests
    await create_topics(kafka_stack.kafka_bootstrap, NewTopic(topic, 2, 1))
    bus = KafkaBus(settings)
    await bus.start()
    try:
        yield Group(kafka_stack.kafka_bootstrap, bus, topic, settings.topics.group_of(topic))
    finally:
        await bus.aclose()


async def test_a_committed_transaction_leaves_no_lag(group: Group) -> None:
    async with group.member() as member:
        async with group.transaction(b"a", b"b") as producer:
            await producer.commit_transaction()
        await wait_until(lambda: len(member.read) == 2)
        assert await group.lag(member) == 3, "two records that are not done, and the marker"
        member.read.pop().mark_done()
        member.read.pop().mark_done()
        await group.no_lag(member)


async def test_an_aborted_transaction_is_not_read_and_leaves_no_lag(group: Group) -> None:
    async with group.member() as member:
        async with group.transaction(b"a", b"b") as producer:
            await producer.abort_transaction()
        await group.no_lag(member)
        assert member.read == []


async def test_an_open_transaction_is_a_lag_and_delays_the_records_behind_it(group: Group) -> None:
    async with group.member() as member:
        await group.publish(b"before")
        async with group.transaction(b"open") as producer:
            await group.publish(b"behind")
            (await wait_until(lambda: member.read))[0].mark_done()

            async def only_the_rest() -> bool:
                return await group.lag(member) == 2

            await wait_until(only_the_rest)
            assert len(member.read) == 1
            await producer.commit_transaction()
        await wait_until(lambda: len(member.read) == 3)
        assert member.values == [b"before", b"open", b"behind"]
        for tracked in member.read[1:]:
            tracked.mark_done()
        await group.no_lag(member)


async def test_a_new_process_commits_the_marker_that_an_earlier_one_did_not(group: Group) -> None:
    async with group.member() as member:
        async with group.transaction(b"a") as producer:
            await producer.commit_transaction()
        (await wait_until(lambda: member.read))[0].mark_done()

        async def only_the_marker() -> bool:
            return await group.bus.consumer_lag(group.topic, 0) == 1

        await wait_until(only_the_marker)
    async with group.member() as member:
        await group.no_lag(member)
        assert member.read == []


async def test_both_members_commit_markers_after_a_rebalance(group: Group) -> None:
    async with group.member() as first:
        await group.no_lag(first)
        async with group.member() as second:
            await wait_until(lambda: len(first.consumer.assignment()) == len(second.consumer.assignment()) == 1)
            for partition in range(2):
                async with group.transaction(b"a", partition=partition) as producer:
                    await producer.abort_transaction()
            for partition in range(2):
                await group.no_lag(first, second, partition=partition)


async def test_records_that_retention_deleted_leave_no_lag(group: Group, kafka_stack: Stack) -> None:
    await group.publish(b"a", b"b", b"c")
    async with group.member() as member:
        (await wait_until(lambda: member.read))[0].mark_done()

        async def one_is_committed() -> bool:
            return await group.bus.consumer_lag(group.topic, 0) == 2

        await wait_until(one_is_committed)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_stack.kafka_bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(group.topic, 0): RecordsToDelete(before_offset=3)})
    await admin.close()
    async with group.member() as member:
        await group.no_lag(member)
        assert member.read == []


@pytest.mark.parametrize("after_a_failure", [False, True])
async def test_no_position_is_committed_between_the_reading_of_a_record_and_its_handler(
    group: Group, *, after_a_failure: bool
) -> None:
    offsets, commits = OffsetTracker(asyncio.Event(), asyncio.sleep), RebalanceSafeCommitter()
    async with AIOKafkaConsumer(
        bootstrap_servers=group.bootstrap,
        group_id=group.group_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    ) as consumer:
        consumer.subscribe([group.topic], listener=commits)
        member = Member(consumer, ReadPositions(offsets, Metrics(), asyncio.get_running_loop().time))
        member.positions.watch(group.topic, member, commits)
        if after_a_failure:  # it leaves aiokafka's count of running calls at 1 for ever
            failing = asyncio.create_task(consumer.getone())
            await wait_until(consumer.assignment)
            failing.cancel()
            await asyncio.wait({failing})
        await group.publish(b"a")
        record = await consumer.getone()
        assert await group.lag(member) == 1
        await offsets.drain(10)
        assert await consumer.position(TopicPartition(group.topic, 0)) == record.offset + 1
        assert await group.bus.consumer_lag(group.topic, 0) == 1
