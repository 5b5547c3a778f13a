"""A member of a real group keeps its member id, however often it commits during rebalances."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import NewTopic

from consumer.kafka.group_commits import RebalanceSafeCommitter
from devstack import Stack
from tests.support.kafka_topics import create_topics
from tests.support.polling import wait_until

JOINS = 4


@pytest.fixture
async def topic(kafka_stack: Stack) -> str:
    name = f"group-{uuid.uuid4().hex[:8]}"
    await create_topics(kafka_stack.kafka_bootstrap, NewTopic(name, 2, 1))
    return name


@contextlib.asynccontextmanager
async def member(bootstrap: str, topic: str, listener: ConsumerRebalanceListener) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a member of the group with the topic's name after it has joined."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False, heartbeat_interval_ms=300
    )
    consumer.subscribe([topic], listener=listener)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def test_a_member_that_commits_during_rebalances_keeps_its_member_id(kafka_stack: Stack, topic: str) -> None:
    commits, done = RebalanceSafeCommitter(), 0

    async def commit_continuously(consumer: AIOKafkaConsumer) -> None:
        nonlocal done
        while True:
            await asyncio.sleep(0)
            for partition in range(2):
                done += await commits.commit(consumer, TopicPartition(topic, partition), 0)

    async with member(kafka_stack.kafka_bootstrap, topic, commits) as staying:
        name = staying._coordinator.member_id
        committing = asyncio.create_task(commit_continuously(staying))
        for _ in range(JOINS):
            async with member(kafka_stack.kafka_bootstrap, topic, RebalanceSafeCommitter()):
                enough = done + 10
                # After these commits the member is part of the new generation.
                await wait_until(lambda enough=enough: done >= enough, seconds=30)  # type: ignore[misc]
        assert staying._coordinator.member_id == name
        committing.cancel()
        await asyncio.wait({committing})
