"""One contract for both implementations of the bus: Kafka and memory."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnknownError,
)

from config.settings import CommonSettings
from consumer.events import MAX_EVENT_BYTES, Event
from consumer.kafka.bus import Bus, BusRejected, BusTimeout, BusUnavailable, DeadLetter, TooLargeForTopic
from consumer.kafka.kafka_bus import KafkaBus, _await_answer
from consumer.kafka.memory_bus import MemoryBus
from core.ids import ChunkId
from devstack import Stack
from schemas.statuses import Channel, Lane
from schemas.topic_definitions import DEAD_LETTER_BYTES, Topics
from tests.support.kafka_topics import create_topics

NARROW_BYTES = MAX_EVENT_BYTES + 10_000

Read = Callable[[str, int], Awaitable[list[tuple[bytes | None, bytes, dict[str, bytes]]]]]


@dataclass
class Case:
    bus: Bus
    topics: Topics
    read: Read
    """Function that returns the first records of a topic as key, value and headers."""
    narrow: str
    """Topic that takes no record or batch larger than NARROW_BYTES."""


def an_event(number: int, size: int = 100) -> Event:
    return Event(f"evt_{number}", "delivery.sent", "2026-01-02T03:04:05.000Z", str(number).encode().rjust(size, b"0"))


@pytest.fixture(params=["memory", "kafka"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    topics = Topics(f"t{uuid.uuid4().hex[:8]}")
    narrow = f"{topics.prefix}.narrow"
    if request.param == "memory":
        bus = MemoryBus(topics.results, narrow)
        bus.limit_event_bytes(narrow, NARROW_BYTES)
        yield Case(bus, topics, memory_reader(bus, topics), narrow)
        return
    stack: Stack = request.getfixturevalue("kafka_stack")
    await create(stack, topics)
    await create_topics(
        stack.kafka_bootstrap, NewTopic(narrow, 2, 1, topic_configs={"max.message.bytes": str(NARROW_BYTES)})
    )
    kafka = KafkaBus(CommonSettings(kafka_bootstrap=stack.kafka_bootstrap, topic_prefix=topics.prefix))
    await kafka.start()
    try:
        yield Case(kafka, topics, kafka_reader(stack), narrow)
    finally:
        await kafka.aclose()


async def create(stack: Stack, topics: Topics) -> None:
    await create_topics(
        stack.kafka_bootstrap,
        *(
            NewTopic(spec.name, 2, 1, topic_configs={"max.message.bytes": str(spec.max_message_bytes)})
            for spec in topics.specs()
        ),
    )


def kafka_reader(stack: Stack) -> Read:
    async def read(topic: str, number: int) -> list[tuple[bytes | None, bytes, dict[str, bytes]]]:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=stack.kafka_bootstrap,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=DEAD_LETTER_BYTES,
        )
        await consumer.start()
        try:
            async with asyncio.timeout(30):
                records = [await consumer.getone() for _ in range(number)]
        finally:
            await consumer.stop()
        return [(record.key, record.value, dict(record.headers)) for record in records]

    return read


def memory_reader(bus: MemoryBus, topics: Topics) -> Read:
    async def read(topic: str, number: int) -> list[tuple[bytes | None, bytes, dict[str, bytes]]]:
        if topic == topics.dead_letters:
            return [(letter.key, letter.sealed, dict(letter.headers())) for letter in bus.dead_letters[:number]]
        return [(key.encode(), event.body, dict(event.headers())) for key, event in bus.events[topic][:number]]

    return read


async def test_events_arrive_in_order_under_their_key_with_their_attributes(case: Case) -> None:
    events = [an_event(number) for number in range(250)]
    await case.bus.publish_events(case.topics.results, "r1", events)
    records = await case.read(case.topics.results, 250)
    assert [value for _, value, _ in records] == [event.body for event in events]
    assert {key for key, _, _ in records} == {b"r1"}
    assert records[7][2] == {
        "ce_id": b"evt_7",
        "ce_type": b"delivery.sent",
        "ce_source": b"rollcall",
        "ce_specversion": b"1.0",
        "ce_time": b"2026-01-02T03:04:05.000Z",
    }


async def test_many_publish_to_one_partition_at_a_time(case: Case) -> None:
    windows = [[an_event(100 * window + number, 2000) for number in range(100)] for window in range(20)]
    await asyncio.gather(*(case.bus.publish_events(case.topics.results, "r1", window) for window in windows))
    records = await case.read(case.topics.results, 2000)
    assert sorted(value for _, value, _ in records) == sorted(event.body for window in windows for event in window)


async def test_a_dead_letter_may_wrap_a_record_of_one_mebibyte(case: Case) -> None:
    letter = DeadLetter(None, bytes(1024 * 1024 + 200), "topic/0/1", "not_json")
    await case.bus.publish_dead_letter(letter)
    assert await case.read(case.topics.dead_letters, 1) == [
        (None, letter.sealed, {"origin": b"topic/0/1", "reason": b"not_json"}),
    ]


async def test_a_topic_exists_or_not(case: Case) -> None:
    assert await case.bus.topic_exists(case.topics.results)
    assert not await case.bus.topic_exists("topic.that.does.not.exist")


async def test_a_topic_that_rejects_an_event_fails_at_once(kafka_stack: Stack) -> None:
    narrow = f"narrow-{uuid.uuid4().hex[:8]}"
    await create_topics(kafka_stack.kafka_bootstrap, NewTopic(narrow, 1, 1, topic_configs={"max.message.bytes": "200"}))
    bus = KafkaBus(CommonSettings(kafka_bootstrap=kafka_stack.kafka_bootstrap))
    await bus.start()
    try:
        async with asyncio.timeout(10):
            with pytest.raises(BusRejected, match="MessageSizeTooLarge"):
                await bus.publish_events(narrow, "r1", [Event("evt", "delivery.sent", "2026-01-02", os.urandom(1000))])
    finally:
        await bus.aclose()


async def test_events_that_are_too_large_together_are_published_in_smaller_batches(case: Case) -> None:
    events = [Event(f"evt_{n}", "delivery.sent", "2026-01-02", os.urandom(4_000)) for n in range(100)]
    async with asyncio.timeout(30):
        await asyncio.gather(*(case.bus.publish_events(case.narrow, "r1", events[n::4]) for n in range(4)))
    published = {value for _, value, _ in await case.read(case.narrow, 100)}
    assert published == {event.body for event in events}


async def test_only_the_events_that_a_topic_never_takes_are_left_out(case: Case) -> None:
    small = [Event(f"evt_{n}", "delivery.sent", "2026-01-02", os.urandom(4_000)) for n in range(30)]
    large = [Event(f"evt_large_{n}", "delivery.sent", "2026-01-02", os.urandom(2 * NARROW_BYTES)) for n in range(2)]
    with pytest.raises(TooLargeForTopic) as caught:
        await case.bus.publish_events(case.narrow, "r1", [*small[:10], large[0], *small[10:], large[1]])
    assert list(caught.value.events) == large
    assert {value for _, value, _ in await case.read(case.narrow, 30)} == {event.body for event in small}


@pytest.mark.parametrize(
    "error",
    [
        TopicAuthorizationFailedError,
        MessageSizeTooLargeError,
        InvalidTimestampError,
        NotEnoughReplicasError,
        UnknownError,
    ],
)
async def test_any_answer_with_an_error_is_a_rejection(error: type[KafkaError]) -> None:
    async def call() -> None:
        raise error

    with pytest.raises(BusRejected):
        await _await_answer(call())


@pytest.mark.parametrize("error", [KafkaConnectionError, RequestTimedOutError, TimeoutError])
async def test_a_missing_answer_is_not_a_rejection(error: type[Exception]) -> None:
    async def call() -> None:
        raise error

    with pytest.raises(BusTimeout):
        await _await_answer(call())


async def test_a_topic_that_takes_only_records_of_this_very_millisecond_rejects_events(kafka_stack: Stack) -> None:
    topic = f"strict-{uuid.uuid4().hex[:8]}"
    configs = {"message.timestamp.before.max.ms": "0", "message.timestamp.type": "CreateTime"}
    await create_topics(kafka_stack.kafka_bootstrap, NewTopic(topic, 1, 1, topic_configs=configs))
    bus = KafkaBus(CommonSettings(kafka_bootstrap=kafka_stack.kafka_bootstrap))
    await bus.start()
    try:
        # Now and then an event arrives in the millisecond in which it was made.
        publish = (bus.publish_events(topic, f"r{number}", [an_event(number)]) for number in range(20))
        tries = [await asyncio.gather(one, return_exceptions=True) for one in publish]
        assert any(isinstance(answer, BusRejected) and "InvalidTimestamp" in str(answer) for (answer,) in tries)
    finally:
        await bus.aclose()


async def test_wake_up_messages_name_their_chunk(kafka_stack: Stack) -> None:
    topics = Topics(f"t{uuid.uuid4().hex[:8]}")
    await create(kafka_stack, topics)
    bus = KafkaBus(CommonSettings(kafka_bootstrap=kafka_stack.kafka_bootstrap, topic_prefix=topics.prefix))
    await bus.start()
    try:
        await bus.publish_wake_up(Lane.EXPRESS, Channel.SMS, ChunkId("chk_1"))
        await bus.publish_wake_up(Lane.BULK, Channel.EMAIL, ChunkId("chk_2"))
        assert await bus.missing_topics() == []
        assert await bus.cluster_id()
    finally:
        await bus.aclose()
    read: Any = kafka_reader(kafka_stack)
    assert [key for key, *_ in await read(topics.chunks_express, 1)] == [b"chk_1"]
    assert [key for key, *_ in await read(topics.chunks, 1)] == [b"chk_2"]


async def test_lag_counts_records_that_the_intake_group_has_not_committed(kafka_stack: Stack) -> None:
    topics = Topics(f"t{uuid.uuid4().hex[:8]}")
    await create(kafka_stack, topics)
    servers = {"bootstrap_servers": kafka_stack.kafka_bootstrap}
    bus = KafkaBus(CommonSettings(kafka_bootstrap=kafka_stack.kafka_bootstrap, topic_prefix=topics.prefix))
    await bus.start()
    producer, at = AIOKafkaProducer(**servers), TopicPartition(topics.requests, 1)
    await producer.start()
    group = AIOKafkaConsumer(group_id=topics.group_of(topics.requests), enable_auto_commit=False, **servers)
    await group.start()
    try:
        assert await bus.consumer_lag(*at) == 0
        for _ in range(3):
            await producer.send_and_wait(topics.requests, b"x", partition=1)
        assert await bus.consumer_lag(*at) == 3
        group.assign([at])
        await group.commit({at: 2})
        assert await bus.consumer_lag(*at) == 1
    finally:
        await group.stop()
        await producer.stop()
        await bus.aclose()


async def test_without_a_broker_the_bus_fails_and_does_not_hang() -> None:
    bus = KafkaBus(CommonSettings(kafka_bootstrap="127.0.0.1:1"))
    async with asyncio.timeout(40):
        with pytest.raises(BusUnavailable):
            await bus.start()
        await bus.aclose()


async def test_no_writer_is_kept_for_a_topic_without_events_on_the_way(case: Case) -> None:
    await asyncio.gather(*(case.bus.publish_events(case.topics.results, f"k{n}", [an_event(n)]) for n in range(20)))
    assert not getattr(case.bus, "_writers", None)
