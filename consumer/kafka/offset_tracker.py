"""What was read from Kafka and is not dealt with yet: many records of a partition, committed in their order."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from consumer.kafka.record import KafkaRecord

COMMIT_RETRY_SECONDS = 1.0
"""How long after a commit that failed it is tried again."""

CommitOffset = Callable[[int], Awaitable[bool]]
"""Commit the partition of a record: what is before this offset is not read again. False: not done, try again. Raises
nothing; where the partition is another's by now there is nothing to do."""


class PartitionOffsets:
    """The records of one partition that were read and are not dealt with yet."""

    def __init__(self, first: int) -> None:
        self.next = first
        """The offset after the last one that was read."""
        self._committed = first
        self._open: list[int] = []
        self._ended: set[int] = set()

    def start(self, offset: int) -> None:
        """A record was read; offsets rise."""
        heapq.heappush(self._open, offset)
        self.next = offset + 1

    def mark_done(self, offset: int) -> int | None:
        """A record is dealt with; the offset to commit, or None where an earlier record still waits."""
        self._ended.add(offset)
        while self._open and self._open[0] in self._ended:
            self._ended.remove(heapq.heappop(self._open))
        first = self._open[0] if self._open else self.next
        if first <= self._committed:
            return None
        self._committed = first
        return first


@dataclass(slots=True)
class _Partition:
    """A partition, since it was dealt out."""

    offsets: PartitionOffsets
    commit: CommitOffset
    """Of the newest record: the group may have another generation since an older one was read."""
    current: bool = True
    """Whether nothing of it was read anew since."""
    due: int = 0
    """Where it may be committed by now."""
    committing: bool = False


@dataclass(frozen=True, slots=True)
class TrackedRecord:
    """A record that was read; `ended` must follow when it is dealt with, and never if it is not."""

    record: KafkaRecord
    _partition: _Partition
    _reading: "OffsetTracker" = field(repr=False)

    @property
    def is_current(self) -> bool:
        """Whether it was not read again since, as after a rebalance."""
        return self._partition.current

    def mark_done(self) -> None:
        """It is dealt with; its offset is committed as soon as that is true of all before it."""
        self._reading.mark_done(self.record.offset, self._partition)


class OffsetTracker:
    """Of one process: where each partition stands. One commit of a partition is under way at a time."""

    def __init__(self, stopping: asyncio.Event, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._stopping, self._sleep = stopping, sleep
        self._partitions: dict[tuple[str, int], _Partition] = {}
        self._commits: set[asyncio.Task[None]] = set()

    def start(self, record: KafkaRecord, commit: CommitOffset) -> TrackedRecord:
        """A record was read. Where its partition was dealt out anew it takes the place of what still waited."""
        place = record.topic, record.partition
        known = self._partitions.get(place)
        if known is None or record.offset < known.offsets.next:
            if known:
                known.current = False
            known = self._partitions[place] = _Partition(PartitionOffsets(record.offset), commit)
        known.commit = commit
        known.offsets.start(record.offset)
        return TrackedRecord(record, known, self)

    def mark_done(self, offset: int, partition: _Partition) -> None:
        """A record of a partition is dealt with."""
        until = partition.offsets.mark_done(offset)
        if until is None or not partition.current:
            return
        partition.due = until
        if not partition.committing:
            partition.committing = True
            task = asyncio.create_task(self._commit(partition))
            self._commits.add(task)
            task.add_done_callback(self._commits.discard)

    async def _commit(self, partition: _Partition) -> None:
        """Commit what is due, and what becomes due meanwhile; a last record that is not committed keeps a lag."""
        done = 0
        try:
            while partition.current and done < (until := partition.due):
                if await partition.commit(until):
                    done = until
                elif self._stopping.is_set():
                    return
                else:
                    await self._sleep(COMMIT_RETRY_SECONDS)
        finally:
            partition.committing = False

    async def drain(self, seconds: float) -> None:
        """Wait for the commits under way, for so many seconds at most; the groups are left after that."""
        if self._commits:
            await asyncio.wait(self._commits, timeout=seconds)
