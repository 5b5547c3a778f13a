"""Reads the dead-letter topic: all of it or the end of it, what stands on each letter and not what is sealed in it."""

import heapq
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from cli.clients.kafka_client import (
    PATIENCE_SECONDS,
    open_admin,
    partitions_of_topics,
    require_topics,
    silence_driver_logs,
    with_timeout,
)
from cli.errors import CommandError
from config.settings import CommonSettings
from ledger.dead_letter_format import read_dead_letter_headers

_POLL_MS = 500
_SILENCE = 20
"""So many polls without a record, and Kafka counts as stuck."""


@dataclass(frozen=True, slots=True)
class DeadLetterEntry:
    """A dead letter as it lies in its topic."""

    partition: int
    offset: int
    refused_at: datetime
    origin: str
    """topic/partition/offset of the record that it holds."""
    reason: str
    key: bytes | None = field(repr=False)
    """The record's; callers choose it."""
    sealed: bytes = field(repr=False)
    size: int

    @property
    def place(self) -> str:
        """Where it stands in the topic."""
        return f"{self.partition}/{self.offset}"


def dead_letter_entry(record: ConsumerRecord, *, whole: bool) -> DeadLetterEntry:
    """The letter in a record; only a whole one keeps what is sealed in it. Strangers may write there, too."""
    origin, reason = read_dead_letter_headers(record.headers)
    value = record.value or b""
    return DeadLetterEntry(
        partition=record.partition,
        offset=record.offset,
        refused_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        origin=origin,
        reason=reason,
        key=record.key if whole else None,
        sealed=value if whole else b"",
        size=len(value),
    )


class DeadLetterReader:
    """The topic, read by nobody's group, so that reading disturbs no one."""

    def __init__(
        self, consumer: AIOKafkaConsumer, topic: str, bounds: Mapping[TopicPartition, tuple[int, int]]
    ) -> None:
        self._consumer, self._topic, self._bounds = consumer, topic, bounds

    async def newest(self, limit: int, reason: str | None) -> list[DeadLetterEntry]:
        """The newest, newest first; those of one reason are looked for in all of the topic."""
        reach = limit if reason is None else None
        starts = {at: max(low, end - reach) if reach else low for at, (low, end) in self._bounds.items()}
        kept: list[tuple[datetime, int, int, DeadLetterEntry]] = []
        async for record in self._from(starts):
            letter = dead_letter_entry(record, whole=False)
            if reason in (None, letter.reason):
                heapq.heappush(kept, (letter.refused_at, letter.partition, letter.offset, letter))
                if len(kept) > limit:
                    heapq.heappop(kept)
        return [letter for *_, letter in sorted(kept, reverse=True)]

    async def at(self, partition: int, offset: int) -> DeadLetterEntry | None:
        """The letter at a place of the topic."""
        at = TopicPartition(self._topic, partition)
        low, end = self._bounds.get(at, (0, 0))
        if not low <= offset < end:
            return None
        async for record in self._from({at: offset}):
            return dead_letter_entry(record, whole=True) if record.offset == offset else None
        return None

    async def of_origin(self, origin: str) -> DeadLetterEntry | None:
        """The first letter that holds the record of this origin; all of the topic may be read for it."""
        async for record in self._from({at: low for at, (low, _) in self._bounds.items()}):
            if read_dead_letter_headers(record.headers)[0] == origin:
                return dead_letter_entry(record, whole=True)
        return None

    async def _from(self, starts: Mapping[TopicPartition, int]) -> AsyncIterator[ConsumerRecord]:
        """The records from these offsets on, to where the topic ended when it was opened."""
        left = {at: start for at, start in starts.items() if start < self._bounds[at][1]}
        self._consumer.assign(list(left))
        for at, start in left.items():
            self._consumer.seek(at, start)
        silent = 0
        while left:
            found = await with_timeout(PATIENCE_SECONDS, self._consumer.getmany(timeout_ms=_POLL_MS))
            silent = 0 if found else silent + 1
            if silent > _SILENCE:
                raise CommandError("Kafka gives no more of the dead letters; try again")
            for at, records in found.items():
                for record in records:
                    if record.offset < self._bounds[at][1]:
                        yield record
            for at in list(left):
                if await self._consumer.position(at) >= self._bounds[at][1]:
                    del left[at]
                    self._consumer.pause(at)


@asynccontextmanager
async def open_dead_letters(settings: CommonSettings) -> AsyncIterator[DeadLetterReader]:
    """The topic of the dead letters as it is now; raises CommandError where it is missing."""
    topic = settings.topics.dead_letters
    async with open_admin(settings) as admin:
        known = await partitions_of_topics(admin)
    require_topics(known, {topic})
    silence_driver_logs()
    consumer = AIOKafkaConsumer(**settings.kafka_options(), group_id=None, enable_auto_commit=False)
    try:
        await with_timeout(PATIENCE_SECONDS, consumer.start())
        partitions = [TopicPartition(topic, number) for number in known[topic]]
        consumer.assign(partitions)
        lows = await with_timeout(PATIENCE_SECONDS, consumer.beginning_offsets(partitions))
        ends = await with_timeout(PATIENCE_SECONDS, consumer.end_offsets(partitions))
        yield DeadLetterReader(consumer, topic, {at: (lows[at], ends[at]) for at in partitions})
    finally:
        await with_timeout(PATIENCE_SECONDS, consumer.stop())
