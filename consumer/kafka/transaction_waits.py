"""Partitions that wait for an open transaction of a caller, with log lines that name them."""

from collections.abc import Collection
from dataclasses import dataclass

from aiokafka import TopicPartition

from consumer.logger import logger
from consumer.monitoring.metrics import Metrics

FIRST_LINE_SECONDS = 5.0
"""Time that a partition waits before the first log line, in seconds. Most transactions end sooner."""
LINE_SECONDS = 60.0
"""Time between two further log lines of one partition, in seconds."""


@dataclass(slots=True)
class _Wait:
    """Wait of one partition. The first record of the transaction has this offset."""

    offset: int
    since: float
    next_line_at: float
    reported: bool = False


class TransactionWaits:
    """Waits of the assigned partitions. Kafka shows no record behind the first open transaction of its partition."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._waits: dict[TopicPartition, _Wait] = {}

    def waiting(self, partition: TopicPartition, offset: int, now: float) -> None:
        """Note that a partition waits at an offset. `now` is in seconds of a monotonic clock."""
        wait = self._waits.get(partition)
        if wait is None or wait.offset != offset:
            self.ended(partition, now)
            wait = self._waits[partition] = _Wait(offset, now, now + FIRST_LINE_SECONDS)
        if now < wait.next_line_at:
            return
        wait.next_line_at, wait.reported = now + LINE_SECONDS, True
        self._metrics.waiting.labels(partition.topic, str(partition.partition)).set(1)
        logger.warning("partition waits for an open transaction", **_fields(partition, wait, now))

    def ended(self, partition: TopicPartition, now: float) -> None:
        """Note that a partition does not wait, or waits no more."""
        wait = self._waits.pop(partition, None)
        if wait is not None and wait.reported:
            self._metrics.waiting.remove(partition.topic, str(partition.partition))
            logger.info("partition goes on after a transaction", **_fields(partition, wait, now))

    def keep_only(self, partitions: Collection[TopicPartition]) -> None:
        """Forget the partitions that another member of the group reads now."""
        for partition in self._waits.keys() - set(partitions):
            if self._waits.pop(partition).reported:
                self._metrics.waiting.remove(partition.topic, str(partition.partition))


def _fields(partition: TopicPartition, wait: _Wait, now: float) -> dict[str, object]:
    seconds = round(now - wait.since)
    return {"topic": partition.topic, "partition": partition.partition, "offset": wait.offset, "seconds": seconds}
