"""Problems of a subscription on a real Kafka. They show in private attributes of its clients only."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka.admin import NewTopic
from aiokafka.consumer.fetcher import FetchError
from aiokafka.errors import UnsupportedCodecError
from faststream import AckPolicy

from consumer.fetch.tolerant_consumer import PROBLEM_SECONDS
from consumer.kafka.subscription_health import MAX_POLL_SILENCE_SECONDS, subscription_problems
from consumer.subscribers import TolerantBroker
from devstack import Stack
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until

Subscription = tuple[Any, Callable[..., str | None]]


@pytest.fixture
async def subscription(kafka_stack: Stack) -> AsyncIterator[Subscription]:
    """Yield a healthy subscriber, and a function that returns its problem."""
    topic = f"subscription-{uuid.uuid4().hex[:8]}"
    await create_topics(kafka_stack.kafka_bootstrap, NewTopic(topic, 1, 1))
    broker = TolerantBroker(kafka_stack.kafka_bootstrap, logger=None, graceful_timeout=5.0)
    subscriber = broker.subscriber(topic, group_id=topic, ack_policy=AckPolicy.MANUAL)

    @subscriber
    async def on_record(body: bytes) -> None:
        del body

    def problem(later: float = 0) -> str | None:
        return subscription_problems(broker, time.time() + later)[topic]

    await broker.start()
    try:
        await wait_until(lambda: not problem(), seconds=30)
        yield subscriber, problem
    finally:
        await broker.stop()


async def test_a_stopped_consume_loop_is_a_problem(subscription: Subscription) -> None:
    subscriber, problem = subscription
    await subscriber.stop()
    assert problem() == "the consume loop has ended"


async def test_an_ended_coordination_task_is_a_problem(subscription: Subscription) -> None:
    subscriber, problem = subscription
    routine = subscriber.consumer._coordinator._coordination_task
    routine.cancel()
    await asyncio.wait({routine})
    assert problem() == "the group coordination task has ended"


async def test_a_lost_membership_is_a_problem(subscription: Subscription) -> None:
    subscriber, problem = subscription
    subscriber.consumer._coordinator.reset_generation()
    assert problem() == "the consumer is not a member of its group"


async def test_an_ended_fetch_task_is_a_problem(subscription: Subscription) -> None:
    subscriber, problem = subscription
    fetching = subscriber.consumer._fetcher._fetch_task
    fetching.cancel()
    await asyncio.wait({fetching})
    assert problem() == "the fetch task has ended"


async def test_a_read_that_fails_is_a_problem_until_a_record_is_read_or_no_read_fails(
    subscription: Subscription,
) -> None:
    subscriber, problem = subscription
    consumer = subscriber.consumer
    (partition,) = await wait_until(consumer.assignment)
    consumer._fetcher._set_error(partition, UnsupportedCodecError())
    for waiter in consumer._fetcher._fetch_waiters:
        consumer._fetcher._notify(waiter)
    await wait_until(lambda: problem() == "reading fails: UnsupportedCodecError", seconds=10)
    assert consumer.read_problem(time.time() + PROBLEM_SECONDS) is None
    with consumer._noting_problems():
        pass
    assert problem() is None


async def test_a_partition_without_an_answer_is_a_problem_unless_its_records_wait_in_memory(
    subscription: Subscription,
) -> None:
    subscriber, problem = subscription
    consumer = subscriber.consumer
    (partition,) = await wait_until(consumer.assignment)
    await wait_until(lambda: consumer.last_poll_timestamp(partition), seconds=30)
    assert problem() is None
    assert problem(MAX_POLL_SILENCE_SECONDS + 30) == "Kafka has not answered for partitions 0"
    consumer._fetcher._records[partition] = FetchError(error=UnsupportedCodecError(), backoff=0)
    assert problem(MAX_POLL_SILENCE_SECONDS + 30) is None
