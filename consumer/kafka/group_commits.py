"""Offset commits of one group member. It commits nothing during a rebalance."""

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError

from consumer.logger import logger

COMMIT_SECONDS = 10.0
"""Maximum time for a commit in seconds. It is a sixth of the time that a member has to rejoin."""


class RebalanceSafeCommitter(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Committer of one group member. Commits and joins exclude each other.

    A commit that overtakes the join names the previous generation, and Kafka rejects it. aiokafka (0.14,
    GroupCoordinator._do_commit_offsets) then forgets its member id and joins under another one. Kafka waits for the
    forgotten member until its session has ended, 45 s. No member of the group reads meanwhile. librdkafka had the same
    bug (its pull request 4908).
    """

    def __init__(self) -> None:
        self._commit_lock = asyncio.Lock()
        self._rebalancing = False

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Stop committing: the member is about to join. aiokafka calls this once per successful join, not per try."""
        del revoked
        self._rebalancing = True
        async with self._commit_lock:  # wait until the running commit has its answer
            return

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Resume committing: the member has joined and knows the generation that commits must name."""
        del assigned
        self._rebalancing = False

    async def commit(self, consumer: AIOKafkaConsumer, partition: TopicPartition, until: int) -> bool:
        """Commit an offset if the member owns the partition. Return False if the caller must try again."""
        async with self._commit_lock:
            if self._rebalancing:
                return False
            if partition not in consumer.assignment():
                return True
            try:
                await asyncio.wait_for(consumer.commit({partition: until}), COMMIT_SECONDS)
            except (KafkaError, ConsumerStoppedError, TimeoutError) as error:
                logger.warning("offset commit failed", error=type(error).__name__)
                return False
            return True
