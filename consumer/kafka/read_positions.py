"""Positions of the subscriptions. A position moves on without a record where Kafka has none to show.

Such offsets belong to the marker at the end of a transaction, to an aborted transaction, or to deleted records. If they
were not committed, the group would have a lag until the next record. The sweeper closes the intake of a request only
without a lag.

aiokafka shows whether a call waits for a record in private attributes only. tests/contract/kafka/test_read_positions.py
checks them against a real Kafka.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import TopicPartition

from consumer.kafka.group_commits import RebalanceSafeCommitter
from consumer.kafka.offset_tracker import CommitOffset, OffsetTracker, TrackedRecord
from consumer.kafka.record import KafkaRecord
from consumer.kafka.transaction_waits import TransactionWaits
from consumer.logger import error_location, logger
from consumer.monitoring.metrics import Metrics

CHECK_SECONDS = 1.0
"""Time between two checks of all positions, in seconds."""


@dataclass(slots=True)
class SubscriptionPosition:
    """Position of one subscription in the partitions that are assigned to it."""

    subscriber: Any
    commits: RebalanceSafeCommitter
    offsets: OffsetTracker
    handling: int = 0
    """Number of batches that are in the handler. The handler has given their records to the offset tracker."""

    @contextlib.contextmanager
    def in_handler(self) -> Iterator[None]:
        """Note that the handler has records. The block gives all of them to `start` before it waits."""
        self.handling += 1
        try:
            yield
        finally:
            self.handling -= 1

    def start(self, record: KafkaRecord) -> TrackedRecord:
        """Give a record that was read to the offset tracker."""
        return self.offsets.start(record, self.commit_of(TopicPartition(record.topic, record.partition)))

    def commit_of(self, partition: TopicPartition) -> CommitOffset:
        """Return the function that commits offsets of a partition."""
        return partial(self.commits.commit, self.subscriber.consumer, partition)

    def assignment(self) -> Any:
        """Return the current assignment, or None while the offset tracker may not know the last record that was read.

        FastStream reads one batch at a time. The tracker knows its records while it is in the handler. It knows all
        records again when FastStream waits for the next one. In between, the position is already behind the batch.
        """
        consumer = self.subscriber.consumer
        if consumer is None:
            return None
        state = consumer._subscription  # noqa: SLF001  # aiokafka has no public way to ask
        if state.reassignment_in_progress or not (self.handling or _waits_for_record(consumer)):
            return None
        return state.subscription.assignment


def _waits_for_record(consumer: Any) -> bool:
    """Return whether a call waits for the next record. aiokafka's own count of such calls is wrong after an error."""
    return any(not waiter.done() for waiter in consumer._fetcher._fetch_waiters)  # noqa: SLF001


class ReadPositions:
    """Commits each position that was reached without a record, and reports partitions that wait for a transaction."""

    def __init__(self, offsets: OffsetTracker, metrics: Metrics, monotonic: Callable[[], float]) -> None:
        self._offsets, self._monotonic = offsets, monotonic
        self._waits = TransactionWaits(metrics)
        self._subscriptions: dict[str, SubscriptionPosition] = {}
        self._assignments: dict[TopicPartition, Any] = {}
        """Assignment in which the position of a partition was committed last."""

    def watch(self, topic: str, subscriber: Any, commits: RebalanceSafeCommitter) -> SubscriptionPosition:
        """Add the subscription of a topic. It replaces an earlier one, whose groups were not joined."""
        position = self._subscriptions[topic] = SubscriptionPosition(subscriber, commits, self._offsets)
        return position

    async def run(self) -> None:
        """Check all positions regularly, until this is cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                self.check()
            except Exception as error:  # noqa: BLE001  # another version of the client may raise anything, and the checks must go on
                logger.error("position check failed", error=type(error).__name__, location=error_location(error))

    def check(self) -> None:
        """Check all positions once."""
        assigned: set[TopicPartition] = set()
        for subscription in self._subscriptions.values():
            if subscription.subscriber.consumer is not None:
                assigned |= subscription.subscriber.consumer.assignment()
            if (assignment := subscription.assignment()) is not None:
                for partition in assignment.tps:
                    self._check_partition(partition, assignment, subscription)
        self._waits.keep_only(assigned)

    def _check_partition(self, partition: TopicPartition, assignment: Any, subscription: SubscriptionPosition) -> None:
        state, now = assignment.state_value(partition), self._monotonic()
        if not state.has_valid_position:
            return
        # Kafka shows records up to the last stable offset, where the first open transaction begins.
        if state.lso is not None and 0 <= state.lso <= state.position < state.highwater:
            self._waits.waiting(partition, state.position, now)
        else:
            self._waits.ended(partition, now)
        commit = subscription.commit_of(partition)
        # A commit before this assignment may have been dropped, or another member may have committed less.
        is_new = self._assignments.get(partition) is not assignment
        if self._offsets.commit_position(partition, state.position, commit, repeat=is_new):
            self._assignments[partition] = assignment
