"""What ails a subscription is seen on a real Kafka, in attributes that its clients do not promise to keep."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka.admin import NewTopic
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from consumer.kafka.subscription_health import MAX_POLL_SILENCE_SECONDS, subscription_problems
from consumer.monitoring.readiness import EXPAND, ReadinessTracker
from devstack import Stack
from tests.support.kafka_topics import create_topics

Heard = tuple[Any, Callable[..., str | None], ReadinessTracker]


@pytest.fixture
async def heard(kafka_stack: Stack) -> AsyncIterator[Heard]:
    """A subscriber that is well, what ails it, and the progress that is looked at beside it."""
    topic = f"heard-{uuid.uuid4().hex[:8]}"
    await create_topics(kafka_stack.kafka_bootstrap, NewTopic(topic, 1, 1))
    broker = KafkaBroker(kafka_stack.kafka_bootstrap, logger=None, graceful_timeout=5.0)
    subscriber = broker.subscriber(topic, group_id=topic, ack_policy=AckPolicy.MANUAL)

    @subscriber
    async def on_record(body: bytes) -> None:
        del body

    progress = ReadinessTracker(time.monotonic)

    def trouble(later: float = 0) -> str | None:
        return subscription_problems(broker, progress, time.time() + later)[topic]

    await broker.start()
    try:
        async with asyncio.timeout(30):
            while trouble():  # noqa: ASYNC110  # a state, not an event
                await asyncio.sleep(0.05)
        yield subscriber, trouble, progress
    finally:
        await broker.stop()


async def test_a_loop_that_was_stopped_is_noticed(heard: Heard) -> None:
    subscriber, trouble, _ = heard
    await subscriber.stop()
    assert trouble() == "the consume loop has ended"


async def test_a_membership_that_ended_is_noticed(heard: Heard) -> None:
    subscriber, trouble, _ = heard
    routine = subscriber.consumer._coordinator._coordination_task
    routine.cancel()
    await asyncio.wait({routine})
    assert trouble() == "the group coordination task has ended"


async def test_a_member_that_was_thrown_out_is_noticed(heard: Heard) -> None:
    subscriber, trouble, _ = heard
    subscriber.consumer._coordinator.reset_generation()
    assert trouble() == "the consumer is not a member of its group"


async def test_a_consumer_that_asks_for_nothing_is_noticed_unless_it_is_busy(heard: Heard) -> None:
    subscriber, trouble, progress = heard
    consumer = subscriber.consumer
    async with asyncio.timeout(30):
        while not [at for at in map(consumer.last_poll_timestamp, consumer.assignment()) if at]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert trouble() is None
    assert trouble(MAX_POLL_SILENCE_SECONDS + 30) == "the consumer does not poll for records"
    with progress.working_on(EXPAND, subscriber.topic_names[0]):
        assert trouble(MAX_POLL_SILENCE_SECONDS + 30) is None
