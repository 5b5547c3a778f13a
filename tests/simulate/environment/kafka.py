"""Simulated Kafka: partitions, offsets, transactions, one group for each topic, rebalances, records read again."""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from consumer.kafka.record import KafkaRecord
from tests.simulate.loop import Actor


class CommitFailed(Exception):  # noqa: N818  # as aiokafka names it
    """Partition that belongs to another process by now, or a missing answer of Kafka."""


@dataclass(eq=False)
class Partition:
    """Partition with the offsets of its group."""

    topic: str
    number: int
    records: list[KafkaRecord | None] = field(default_factory=list)
    """By offset. None is a marker at the end of a transaction, or a record of an aborted one."""
    first_unstable: int | None = None
    """First offset of the open transaction. Readers get no record from here on."""
    owner: Actor | None = None
    generation: int = 0
    position: int = 0
    """Offset that the owner reads next."""
    committed: int = 0

    @property
    def lag(self) -> int:
        return len(self.records) - self.committed

    @property
    def readable_until(self) -> int:
        """Return the last stable offset."""
        return len(self.records) if self.first_unstable is None else self.first_unstable

    def assign(self, owner: Actor | None) -> None:
        """Start a new generation at the committed offset."""
        self.owner, self.position = owner, self.committed
        self.generation += 1

    def rewind(self, offset: int) -> None:
        """Read the records again from this offset on, in a new generation.

        Kafka resets the offsets of a group only while it has no members, so they are assigned again afterwards.
        """
        self.committed = min(offset, self.committed)
        self.assign(self.owner)


class Read(NamedTuple):
    """Record that a reader got."""

    partition: Partition
    generation: int
    record: KafkaRecord


class SimulatedKafka:
    """Topics with readers. `on_commit` receives the records that a commit covers."""

    def __init__(
        self, topics: Iterable[str], partitions: int, rng: random.Random, on_commit: Callable[[KafkaRecord], None]
    ) -> None:
        self.topics = {topic: [Partition(topic, number) for number in range(partitions)] for topic in topics}
        self.members: list[Actor] = []
        self._rng, self._on_commit = rng, on_commit
        self._arrivals: dict[tuple[Actor, str], asyncio.Event] = {}
        self._now_ms: Callable[[], int] | None = None
        self._kept_ms, self._forgetful = 0.0, frozenset[str]()

    def keep_for(self, seconds: float, now_ms: Callable[[], int], topics: Iterable[str]) -> None:
        """Delete the records of these topics at this age from now on."""
        self._kept_ms, self._now_ms, self._forgetful = 1000 * seconds, now_ms, frozenset(topics)

    def append(self, topic: str, number: int, timestamp_ms: int, key: bytes, value: bytes | None) -> KafkaRecord:
        """Write a record at the end of a partition."""
        partition = self._partition(topic, number)
        record = KafkaRecord(topic, partition.number, len(partition.records), timestamp_ms, key, value, ())
        partition.records.append(record)
        self._call_owner(partition)
        return record

    def begin_transaction(self, record: KafkaRecord) -> bool:
        """Begin a transaction with this record, which was written last. Return False if another one is open."""
        partition = self._partition(record.topic, record.partition)
        if partition.first_unstable is not None:
            return False
        partition.first_unstable = record.offset
        return True

    def end_transaction(self, record: KafkaRecord, *, abort: bool) -> None:
        """Write the marker of the transaction with this record. An aborted record is never read.

        A caller publishes it again at once, as an outbox does it. That keeps its place only if none is behind it.
        """
        partition = self._partition(record.topic, record.partition)
        partition.first_unstable = None
        is_last = partition.records[-1] is record
        partition.records.append(None)
        if abort and is_last:
            partition.records[record.offset] = None
            partition.records.append(replace(record, offset=len(partition.records)))
        self._call_owner(partition)

    def _partition(self, topic: str, number: int) -> Partition:
        return self.topics[topic][number % len(self.topics[topic])]

    def _call_owner(self, partition: Partition) -> None:
        if partition.owner:
            self._call(partition.owner, partition.topic)

    def join(self, member: Actor) -> None:
        """Add a process to the group."""
        if member not in self.members:
            self.members.append(member)
            for topic in self.topics:
                self._arrivals.setdefault((member, topic), asyncio.Event())
            self.rebalance()

    def leave(self, member: Actor) -> None:
        """Remove a process that left or was silent for too long."""
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def rebalance(self) -> None:
        """Assign all partitions again."""
        for partitions in self.topics.values():
            for partition in partitions:
                partition.assign(self._rng.choice(self.members) if self.members else None)
        self._call_all()

    def rewind(self) -> None:
        """Reset a partition to an earlier record."""
        read = [one for partitions in self.topics.values() for one in partitions if one.committed]
        if read:
            partition = self._rng.choice(read)
            partition.rewind(self._rng.randrange(partition.committed))
            self._call_all()

    async def read(self, member: Actor, topic: str) -> Read:
        """Return the next record of any partition of the process."""
        arrival = self._arrivals[member, topic]
        while True:
            mine = [one for one in self.topics[topic] if one.owner is member and one.position < one.readable_until]
            if mine:
                partition = self._rng.choice(mine)
                partition.position += 1
                record = partition.records[partition.position - 1]
                if record is not None and not self._is_deleted(record):
                    return Read(partition, partition.generation, record)
                continue
            arrival.clear()
            await arrival.wait()

    async def commit(self, partition: Partition, generation: int, until: int) -> None:
        """Commit a partition up to an offset. Raise CommitFailed if it was assigned again since this generation."""
        if partition.generation != generation:
            raise CommitFailed
        for record in partition.records[partition.committed : until]:
            if record is not None:
                self._on_commit(record)
        partition.committed = until

    def _is_deleted(self, record: KafkaRecord) -> bool:
        if self._now_ms is None or record.topic not in self._forgetful:
            return False
        return record.timestamp_ms < self._now_ms() - self._kept_ms

    def assigned(self, member: Actor) -> list[Partition]:
        """Return the partitions that a process reads."""
        return [one for partitions in self.topics.values() for one in partitions if one.owner is member]

    def lag(self, topic: str, number: int) -> int:
        """Return the number of offsets that are not committed. Those of an open transaction count."""
        return self.topics[topic][number].lag

    def _call(self, member: Actor, topic: str) -> None:
        if arrival := self._arrivals.get((member, topic)):
            arrival.set()

    def _call_all(self) -> None:
        for arrival in self._arrivals.values():
            arrival.set()
