"""Detection of a Kafka client that publishes nothing although a real Kafka answers."""

import asyncio
import contextlib
import signal
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.admin import NewTopic

from config.settings import CommonSettings
from consumer.app import build_app
from consumer.kafka.bus import BusTimeout, BusUnavailable
from consumer.kafka.kafka_bus import KafkaBus
from consumer.service import PublishingStalled, run_service
from consumer.settings import ConsumerSettings
from core.ids import ChunkId
from core.publish_watchdog import FAILURES
from core.request_parts import EncodedPart
from devstack import Stack
from devstack.processes import free_port
from ledger.mongo import MongoLedger
from producer.kafka.kafka_publisher import KafkaPublisher
from producer.kafka.publisher import PublishError, PublishingStalledError
from schemas.statuses import Channel, Lane
from schemas.topic_definitions import Topics
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until
from tests.support.service import some_settings


@pytest.fixture
async def topics(kafka_stack: Stack) -> Topics:
    topics = Topics(f"stalled-{uuid.uuid4().hex[:8]}")
    await create_topics(kafka_stack.kafka_bootstrap, *(NewTopic(spec.name, 1, 1) for spec in topics.specs()))
    return topics


@pytest.fixture
async def bus(kafka_stack: Stack, topics: Topics) -> AsyncIterator[KafkaBus]:
    settings = CommonSettings(kafka_bootstrap=kafka_stack.kafka_bootstrap, topic_prefix=topics.prefix)
    bus = KafkaBus(settings, answer_seconds=0.5, stalled_seconds=0.5)
    await bus.start()
    yield bus
    await bus.aclose()


def sender_of(client: Any) -> Any:
    return client._producer._sender


def stall(client: Any) -> None:
    """Make the client wait for ever for an answer of every broker, as after a lost answer."""
    sender_of(client)._in_flight.update(broker.nodeId for broker in client._producer.client.cluster.brokers())


async def publish_first(bus: KafkaBus) -> None:
    """Publish a first record. In a new topic that takes longer than this bus waits for an answer."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(BusUnavailable):
                await bus.publish_wake_up(Lane.BULK, Channel.SMS, ChunkId("chk_before"))
                return


async def test_a_bus_that_publishes_nothing_is_dead_although_kafka_answers(bus: KafkaBus) -> None:
    await publish_first(bus)
    assert bus.can_publish
    stall(bus)
    for _ in range(FAILURES):
        with pytest.raises(BusTimeout):
            await bus.publish_wake_up(Lane.BULK, Channel.SMS, ChunkId("chk_lost"))
        await bus.ping()
    assert not bus.can_publish
    assert await wait_until(bus.fatal_reason, seconds=20) == "Kafka answers but accepts no record from this process"


async def test_a_bus_whose_sender_task_has_ended_is_dead_at_once(bus: KafkaBus) -> None:
    assert bus.fatal_reason() is None
    sender_of(bus).sender_task.cancel()
    assert await wait_until(bus.fatal_reason, seconds=20) == "the sender task of the Kafka client has ended"


async def test_a_consumer_whose_sender_task_has_ended_stops(stack: Stack, topics: Topics) -> None:
    database = topics.prefix
    ledger = await MongoLedger.connect(stack.mongo_url, database)
    await ledger.setup()
    await ledger.aclose()
    settings = ConsumerSettings(
        kafka_bootstrap=stack.kafka_bootstrap,
        mongo_url=stack.mongo_url,
        mongo_database=database,
        topic_prefix=topics.prefix,
        sealing_keys="k1:" + "QUFB" * 10 + "QUE=",
        providers=[{"name": "sim", "kind": "simulator", "channel": "sms"}],
        consumer_http_port=free_port(),
    )
    service = await build_app(settings)
    serving = asyncio.create_task(run_service(service))
    try:
        await wait_until(lambda: service.context.readiness.subscribed, seconds=20)
        sender_of(service.bus).sender_task.cancel()
        async with asyncio.timeout(20):
            with pytest.raises(PublishingStalled, match="has ended"):
                await serving
    finally:
        service.context.stopping.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)


async def test_a_publisher_that_publishes_nothing_fails_although_kafka_answers(
    kafka_stack: Stack, topics: Topics
) -> None:
    settings = some_settings(kafka_bootstrap=kafka_stack.kafka_bootstrap, topic_prefix=topics.prefix)
    publisher = KafkaPublisher(settings, stall_seconds=0.2)
    part = EncodedPart(b"k", b"{}", part=0, last=True, recipients=1)
    await publisher.start()
    try:
        await wait_until(lambda: publisher.problem() is None, seconds=20)
        await publisher.publish(topics.requests, [part])
        stall(publisher)
        tries = (publisher.publish(topics.requests, [part]) for _ in range(FAILURES))
        failed = await asyncio.gather(*tries, return_exceptions=True)
        assert all(isinstance(error, PublishError) for error in failed)
        assert publisher.problem() == "Kafka acknowledges no records"
        async with asyncio.timeout(20):
            assert isinstance(await publisher.wait_failed(), PublishingStalledError)
    finally:
        await publisher.stop()
