"""Tracking of records that were read and are not done yet. Each partition is committed in the order of offsets."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from consumer.kafka.record import KafkaRecord

COMMIT_RETRY_SECONDS = 1.0
"""Pause before a failed commit is repeated, in seconds."""

CommitOffset = Callable[[int], Awaitable[bool]]
"""Function that commits an offset of a record's partition. Earlier records are not read again.

It returns False if the caller must try again, and never raises. If another member owns the partition by now, it does
nothing and returns True.
"""


class PartitionOffsets:
    """Offsets of the records of one partition that were read and are not done yet."""

    def __init__(self, first: int) -> None:
        self.next = first
        """Offset after the last record that was read."""
        self._committed = first
        self._open: OrderedDict[int, None] = OrderedDict()
        """Records that are not done, in the order of offsets. Those that are done need no memory."""

    def start(self, offset: int) -> None:
        """Add a record that was read. Its offset is higher than all earlier ones."""
        self._open[offset] = None
        self.next = offset + 1

    def skip_to(self, position: int) -> bool:
        """Move on to a position without a record. Return False, and do nothing, if an earlier record is not done."""
        if not self._open:
            self.next = self._committed = position
        return not self._open

    def mark_done(self, offset: int) -> int | None:
        """Mark a record as done. Return the offset to commit, or None if an earlier record is not done."""
        self._open.pop(offset, None)
        first = next(iter(self._open), self.next)
        if first <= self._committed:
            return None
        self._committed = first
        return first


@dataclass(slots=True)
class _Partition:
    """State of a partition since its last assignment."""

    offsets: PartitionOffsets
    commit: CommitOffset
    """Commit function of the newest record. Those of older records may belong to an earlier generation."""
    current: bool = True
    """False once its records are read again, after another assignment."""
    due: int = 0
    """Offset that may be committed by now."""
    is_due: bool = False
    """True if no commit of the due offset has begun since it became due. A commit that runs may be that of an earlier
    assignment, which is dropped."""
    committing: bool = False


@dataclass(frozen=True, slots=True)
class TrackedRecord:
    """A record that was read. Its owner calls `mark_done` when the record is done, and only then."""

    offset: int
    """The tracker does not keep the record itself: thousands of wake-up messages may wait for a slot."""
    _partition: _Partition
    _tracker: "OffsetTracker" = field(repr=False)

    @property
    def is_current(self) -> bool:
        """Return whether the record was not read again since. A rebalance causes that."""
        return self._partition.current

    def mark_done(self) -> None:
        """Mark the record as done. Its offset is committed when all earlier records are done as well."""
        self._tracker.mark_done(self.offset, self._partition)


class OffsetTracker:
    """Tracker of all partitions of one process. At most one commit per partition runs at a time."""

    def __init__(self, stopping: asyncio.Event, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._stopping, self._sleep = stopping, sleep
        self._partitions: dict[tuple[str, int], _Partition] = {}
        self._commits: set[asyncio.Task[None]] = set()

    def start(self, record: KafkaRecord, commit: CommitOffset) -> TrackedRecord:
        """Add a record that was read. If its partition was assigned again, drop all records of the partition before."""
        topic_partition = record.topic, record.partition
        partition = self._partitions.get(topic_partition)
        if partition is None or record.offset < partition.offsets.next:
            if partition:
                partition.current = False
            partition = self._partitions[topic_partition] = _Partition(PartitionOffsets(record.offset), commit)
        partition.commit = commit
        partition.offsets.start(record.offset)
        return TrackedRecord(record.offset, partition, self)

    def mark_done(self, offset: int, partition: _Partition) -> None:
        """Mark a record of a partition as done, and commit what is due."""
        until = partition.offsets.mark_done(offset)
        if until is not None and partition.current:
            self._commit_until(until, partition)

    def commit_position(
        self, topic_partition: tuple[str, int], position: int, commit: CommitOffset, *, repeat: bool
    ) -> bool:
        """Commit a position up to which all records were read. Return False if an earlier record is not done.

        With `repeat` it is committed even if it was committed before.
        """
        partition = self._partitions.get(topic_partition)
        if partition is None:
            partition = self._partitions[topic_partition] = _Partition(PartitionOffsets(position), commit)
        if not partition.offsets.skip_to(position):
            return False
        partition.commit = commit
        if repeat or partition.due != position:
            self._commit_until(position, partition)
        return True

    def _commit_until(self, until: int, partition: _Partition) -> None:
        partition.due, partition.is_due = until, True
        if not partition.committing:
            partition.committing = True
            task = asyncio.create_task(self._commit(partition))
            self._commits.add(task)
            task.add_done_callback(self._commits.discard)

    async def _commit(self, partition: _Partition) -> None:
        """Commit the due offset, and later ones that become due meanwhile. Repeat failures, so that no lag stays."""
        try:
            while partition.current and partition.is_due:
                partition.is_due = False
                if not await partition.commit(partition.due):
                    partition.is_due = True
                    if self._stopping.is_set():
                        return
                    await self._sleep(COMMIT_RETRY_SECONDS)
        finally:
            partition.committing = False

    async def drain(self, seconds: float) -> None:
        """Wait for running commits, `seconds` at most. The consumer leaves its groups after that."""
        if self._commits:
            await asyncio.wait(self._commits, timeout=seconds)
