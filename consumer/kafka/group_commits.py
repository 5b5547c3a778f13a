"""Commits of one consumer group, none while it is being dealt out anew."""

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError

from consumer.logger import logger

COMMIT_SECONDS = 10.0
"""How long Kafka may take for a commit; a sixth of what a member has to join again."""


class RebalanceSafeCommitter(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Of one member: it commits nothing while it joins again, and joins again when no commit is under way.

    A commit that overtakes the join names the generation before and is refused; aiokafka (0.14,
    GroupCoordinator._do_commit_offsets) then forgets its member id and joins under another. Kafka waits for the member
    that was forgotten until its session has ended, 45 s, and nobody in the group reads meanwhile. librdkafka had the
    same (its pull request 4908).
    """

    def __init__(self) -> None:
        self._commit_lock = asyncio.Lock()
        self._rebalancing = False

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """The member is about to join; called once for each time that it succeeds, however often it tries."""
        del revoked
        self._rebalancing = True
        async with self._commit_lock:  # the commit under way has its answer
            return

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """The member has joined, and has the generation that commits must name."""
        del assigned
        self._rebalancing = False

    async def commit(self, consumer: AIOKafkaConsumer, partition: TopicPartition, until: int) -> bool:
        """Commit a partition, while it is this member's; False: not done, try again."""
        async with self._commit_lock:
            if self._rebalancing:
                return False
            if partition not in consumer.assignment():
                return True
            try:
                await asyncio.wait_for(consumer.commit({partition: until}), COMMIT_SECONDS)
            except (KafkaError, ConsumerStoppedError, TimeoutError) as error:
                logger.warning("offset not committed", because=type(error).__name__)
                return False
            return True
