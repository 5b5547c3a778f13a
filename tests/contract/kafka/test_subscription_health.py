"""Problems of a subscription on a real Kafka. They show in private attributes of its clients only."""

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
from tests.support.polling import wait_until

Subscription = tuple[Any, Callable[..., str | None], ReadinessTracker]


@pytest.fixture
async def subscription(kafka_stack: Stack) -> AsyncIterator[Subscription]:
    """Yield a healthy subscriber, a function that returns its problem, and the readiness tracker."""
    topic = f"subscription-{uuid.uuid4().hex[:8]}"
    await create_topics(kafka_stack.kafka_bootstrap, NewTopic(topic, 1, 1))
    broker = KafkaBroker(kafka_stack.kafka_bootstrap, logger=None, graceful_timeout=5.0)
    subscriber = broker.subscriber(topic, group_id=topic, ack_policy=AckPolicy.MANUAL)

    @subscriber
    async def on_record(body: bytes) -> None:
        del body

    readiness = ReadinessTracker(time.monotonic)

    def problem(later: float = 0) -> str | None:
        return subscription_problems(broker, readiness, time.time() + later)[topic]

    await broker.start()
    try:
        await wait_until(lambda: not problem(), seconds=30)
        yield subscriber, problem, readiness
    finally:
        await broker.stop()


async def test_a_stopped_consume_loop_is_a_problem(subscription: Subscription) -> None:
    subscriber, problem, _ = subscription
    await subscriber.stop()
    assert problem() == "the consume loop has ended"


async def test_an_ended_coordination_task_is_a_problem(subscription: Subscription) -> None:
    subscriber, problem, _ = subscription
    routine = subscriber.consumer._coordinator._coordination_task
    routine.cancel()
    await asyncio.wait({routine})
    assert problem() == "the group coordination task has ended"


async def test_a_lost_membership_is_a_problem(subscription: Subscription) -> None:
    subscriber, problem, _ = subscription
    subscriber.consumer._coordinator.reset_generation()
    assert problem() == "the consumer is not a member of its group"


async def test_a_consumer_that_does_not_poll_is_a_problem_unless_it_is_busy(subscription: Subscription) -> None:
    subscriber, problem, readiness = subscription
    consumer = subscriber.consumer
    await wait_until(lambda: any(map(consumer.last_poll_timestamp, consumer.assignment())), seconds=30)
    assert problem() is None
    assert problem(MAX_POLL_SILENCE_SECONDS + 30) == "the consumer does not poll for records"
    with readiness.working_on(EXPAND, subscriber.topic_names[0]):
        assert problem(MAX_POLL_SILENCE_SECONDS + 30) is None
