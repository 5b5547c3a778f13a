"""A reply topic deleted on a real Kafka."""

import asyncio
import uuid

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from config.settings import CommonSettings
from consumer.events import Event
from consumer.kafka.bus import BusUnavailable
from consumer.kafka.kafka_bus import KafkaBus
from devstack import Stack
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until


@pytest.mark.durable
async def test_publishing_to_a_deleted_topic_fails_in_time_and_the_topic_is_known_as_deleted(
    kafka_stack: Stack,
) -> None:
    prefix, mine = f"t{uuid.uuid4().hex[:8]}", f"mine.{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_stack.kafka_bootstrap)
    bus = KafkaBus(CommonSettings(kafka_bootstrap=kafka_stack.kafka_bootstrap, topic_prefix=prefix))
    await admin.start()
    await bus.start()
    try:
        await create_topics(
            kafka_stack.kafka_bootstrap, *(NewTopic(name, 2, 1) for name in (mine, f"{prefix}.results"))
        )
        events = [Event("evt_1", "delivery.sent", "2026-01-02T03:04:05.000Z", b"{}")]
        await bus.publish_events(mine, "r1", events)
        assert not await bus.topic_was_deleted(mine)
        await admin.delete_topics([mine])
        async with asyncio.timeout(30):
            await wait_until(lambda: bus.topic_was_deleted(mine), 30)
            with pytest.raises(BusUnavailable):
                await bus.publish_events(mine, "r1", events)
        await bus.publish_events(f"{prefix}.results", "r1", events)
    finally:
        await bus.aclose()
        await admin.close()
