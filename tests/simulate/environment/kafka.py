"""Kafka as a simulated process meets it: partitions, offsets, a group a topic, rebalances, records that come again."""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from consumer.kafka.record import KafkaRecord
from tests.simulate.loop import Actor


class CommitFailed(Exception):  # noqa: N818  # as aiokafka names it
    """The partition belongs to another by now, or Kafka did not answer."""


@dataclass(eq=False)
class Partition:
    """One partition, and where its one group stands in it."""

    topic: str
    number: int
    records: list[KafkaRecord] = field(default_factory=list)
    owner: Actor | None = None
    generation: int = 0
    position: int = 0
    """What its owner reads next."""
    committed: int = 0

    @property
    def lag(self) -> int:
        return len(self.records) - self.committed

    def assign(self, owner: Actor | None) -> None:
        """A new generation begins where the last commit stands."""
        self.owner, self.position = owner, self.committed
        self.generation += 1

    def rewind(self, offset: int) -> None:
        """What was read is read again, from this offset on."""
        self.committed = min(offset, self.committed)
        self.position = min(offset, self.position)


class Read(NamedTuple):
    """A record in a reader's hands."""

    partition: Partition
    generation: int
    record: KafkaRecord


class SimulatedKafka:
    """All topics that have readers. `on_commit` sees the records that a commit lays to rest."""

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
        """From now on the records of these topics are deleted when they are so old."""
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
        """A process comes."""
        if member not in self.members:
            self.members.append(member)
            for topic in self.topics:
                self._arrivals.setdefault((member, topic), asyncio.Event())
            self.rebalance()

    def leave(self, member: Actor) -> None:
        """A process goes, or was not heard of for too long."""
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def rebalance(self) -> None:
        """Deal all partitions out anew."""
        for partitions in self.topics.values():
            for partition in partitions:
                partition.assign(self._rng.choice(self.members) if self.members else None)
        self._call_all()

    def rewind(self) -> None:
        """Let some partition be read again from an earlier record on."""
        read = [one for partitions in self.topics.values() for one in partitions if one.committed]
        if read:
            partition = self._rng.choice(read)
            partition.rewind(self._rng.randrange(partition.committed))
            self._call_all()

    async def read(self, member: Actor, topic: str) -> Read:
        """The next record of any of one's partitions."""
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
        """Commit a record's partition up to an offset; raises CommitFailed where it was dealt out anew."""
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
        """How many records of a partition are not committed."""
        return self.topics[topic][number].lag

    def _call(self, member: Actor, topic: str) -> None:
        if arrival := self._arrivals.get((member, topic)):
            arrival.set()

    def _call_all(self) -> None:
        for arrival in self._arrivals.values():
            arrival.set()
