"""Simulated Kafka: partitions, offsets, one group for each topic, rebalances, records that are read again."""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
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
    records: list[KafkaRecord] = field(default_factory=list)
    owner: Actor | None = None
    generation: int = 0
    position: int = 0
    """Offset that the owner reads next."""
    committed: int = 0

    @property
    def lag(self) -> int:
        return len(self.records) - self.committed

    def assign(self, owner: Actor | None) -> None:
        """Start a new generation at the committed offset."""
        self.owner, self.position = owner, self.committed
        self.generation += 1

    def rewind(self, offset: int) -> None:
        """Read the records again from this offset on."""
        self.committed = min(offset, self.committed)
        self.position = min(offset, self.position)


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
        partition = self.topics[topic][number % len(self.topics[topic])]
        record = KafkaRecord(topic, partition.number, len(partition.records), timestamp_ms, key, value, ())
        partition.records.append(record)
        if partition.owner:
            self._call(partition.owner, topic)
        return record

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
            mine = [one for one in self.topics[topic] if one.owner is member and one.position < len(one.records)]
            if mine:
                partition = self._rng.choice(mine)
                partition.position += 1
                if self._is_deleted(partition.records[partition.position - 1]):
                    partition.committed = max(partition.committed, partition.position)
                    continue
                return Read(partition, partition.generation, partition.records[partition.position - 1])
            arrival.clear()
            await arrival.wait()

    async def commit(self, read: Read, until: int) -> None:
        """Commit the partition of a record up to an offset. Raise CommitFailed if it was assigned again."""
        partition = read.partition
        if partition.generation != read.generation:
            raise CommitFailed
        for record in partition.records[partition.committed : until]:
            self._on_commit(record)
        partition.committed = until

    def _is_deleted(self, record: KafkaRecord) -> bool:
        if self._now_ms is None or record.topic not in self._forgetful:
            return False
        return record.timestamp_ms < self._now_ms() - self._kept_ms

    def lag(self, topic: str, number: int) -> int:
        """Return the number of records that are not committed."""
        return self.topics[topic][number].lag

    def _call(self, member: Actor, topic: str) -> None:
        if arrival := self._arrivals.get((member, topic)):
            arrival.set()

    def _call_all(self) -> None:
        for arrival in self._arrivals.values():
            arrival.set()
