"""Reader of the dead-letter topic. It reads headers and sizes, and sealed records only for a single dead letter."""

import heapq
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from cli.clients.kafka_client import (
    KAFKA_TIMEOUT_SECONDS,
    open_admin,
    partitions_of_topics,
    require_topics,
    silence_driver_logs,
    with_timeout,
)
from cli.errors import CommandError
from config.settings import CommonSettings
from consumer.fetch.tolerant_consumer import TolerantConsumer
from consumer.kafka.stop_consumer import stop_consumer
from core.record_time import read_timestamp
from ledger.dead_letter_format import (
    UNKNOWN_REQUEST,
    RejectedRequest,
    read_dead_letter_headers,
    read_rejected_request,
    read_replay_note,
)

_POLL_MS = 500
_NO_DATE = datetime.fromtimestamp(0, UTC)
_MAX_EMPTY_POLLS = 20
"""Number of polls without a record after which the reader gives up."""


@dataclass(frozen=True, slots=True)
class DeadLetterEntry:
    """A dead letter in its topic."""

    partition: int
    offset: int
    refused_at: datetime
    origin: str
    """Origin of the rejected record, as topic/partition/offset."""
    reason: str
    key: bytes | None = field(repr=False)
    """Key of the rejected record, which its caller chose."""
    sealed: bytes = field(repr=False)
    size: int
    request: RejectedRequest = UNKNOWN_REQUEST
    replayed_as: str | None = None
    """Newest position to which the record was replayed. Only a list of dead letters knows it."""

    @property
    def position(self) -> str:
        """Return the dead letter's own partition/offset."""
        return f"{self.partition}/{self.offset}"


def dead_letter_entry(record: ConsumerRecord, *, whole: bool) -> DeadLetterEntry:
    """Return the dead letter in a record, with the sealed record if `whole`. Any program may have written it."""
    origin, reason = read_dead_letter_headers(record.headers)
    value = record.value or b""
    return DeadLetterEntry(
        partition=record.partition,
        offset=record.offset,
        refused_at=read_timestamp(record.timestamp) or _NO_DATE,
        origin=origin,
        reason=reason,
        key=record.key if whole else None,
        sealed=value if whole else b"",
        size=len(value),
        request=read_rejected_request(record.headers),
    )


class DeadLetterReader:
    """Reader without a consumer group, so that it does not affect other consumers."""

    def __init__(
        self, consumer: AIOKafkaConsumer, topic: str, bounds: Mapping[TopicPartition, tuple[int, int]]
    ) -> None:
        self._consumer, self._topic, self._bounds = consumer, topic, bounds

    async def newest(self, limit: int, reason: str | None) -> list[DeadLetterEntry]:
        """Return the newest dead letters, newest first. With a reason, search the whole topic."""
        last = limit
        while True:
            starts = {
                partition: max(low, end - last) if reason is None else low
                for partition, (low, end) in self._bounds.items()
            }
            newest, found = await self._newest_from(starts, limit, reason)
            if all(found[at] >= limit or start <= self._bounds[at][0] for at, start in starts.items()):
                return newest
            last *= 4  # some offsets are those of notes or of transaction markers

    async def _newest_from(
        self, starts: Mapping[TopicPartition, int], limit: int, reason: str | None
    ) -> tuple[list[DeadLetterEntry], Counter[TopicPartition]]:
        """Return the newest dead letters from these offsets on, and the number of all by partition."""
        newest: list[tuple[datetime, int, int, DeadLetterEntry]] = []
        replayed: dict[str, str] = {}
        found = Counter[TopicPartition]()
        async for record in self._read_from(starts):
            if note := read_replay_note(record.headers):
                replayed[note[0]] = note[1]
                continue
            found[TopicPartition(record.topic, record.partition)] += 1
            entry = dead_letter_entry(record, whole=False)
            if reason in (None, entry.reason):
                heapq.heappush(newest, (entry.refused_at, entry.partition, entry.offset, entry))
                if len(newest) > limit:
                    heapq.heappop(newest)
        entries = [entry for *_, entry in sorted(newest, reverse=True)]
        return [replace(entry, replayed_as=replayed.get(entry.position)) for entry in entries], found

    async def at(self, partition: int, offset: int) -> DeadLetterEntry | None:
        """Return the whole dead letter at this partition and offset, or None."""
        topic_partition = TopicPartition(self._topic, partition)
        low, end = self._bounds.get(topic_partition, (0, 0))
        if not low <= offset < end:
            return None
        async for record in self._read_from({topic_partition: offset}):
            is_there = record.offset == offset and read_replay_note(record.headers) is None
            return dead_letter_entry(record, whole=True) if is_there else None
        return None

    async def of_origin(self, origin: str) -> DeadLetterEntry | None:
        """Return the first whole dead letter with the record of this origin, or None. May read the whole topic."""
        async for record in self._read_from({partition: low for partition, (low, _) in self._bounds.items()}):
            if read_dead_letter_headers(record.headers)[0] == origin:
                return dead_letter_entry(record, whole=True)
        return None

    async def _read_from(self, starts: Mapping[TopicPartition, int]) -> AsyncIterator[ConsumerRecord]:
        """Yield the records from these offsets to the end that the topic had when the reader was opened."""
        open_partitions = {
            partition: start for partition, start in starts.items() if start < self._bounds[partition][1]
        }
        self._consumer.assign(list(open_partitions))
        for partition, start in open_partitions.items():
            self._consumer.seek(partition, start)
        empty_polls = 0
        while open_partitions:
            batches = await with_timeout(KAFKA_TIMEOUT_SECONDS, self._consumer.getmany(timeout_ms=_POLL_MS))
            empty_polls = 0 if batches else empty_polls + 1
            if empty_polls > _MAX_EMPTY_POLLS:
                raise CommandError("Kafka returned no more dead letters before the end of the topic. Try again.")
            for partition, records in batches.items():
                for record in records:
                    if record.offset < self._bounds[partition][1]:
                        yield record
            for partition in list(open_partitions):
                if await self._consumer.position(partition) >= self._bounds[partition][1]:
                    del open_partitions[partition]
                    self._consumer.pause(partition)


@asynccontextmanager
async def open_dead_letters(settings: CommonSettings) -> AsyncIterator[DeadLetterReader]:
    """Open a reader of the dead-letter topic from its current beginning to its current end.

    Raises CommandError if the topic is missing.
    """
    topic = settings.topics.dead_letters
    async with open_admin(settings) as admin:
        partitions_by_topic = await partitions_of_topics(admin)
    require_topics(partitions_by_topic, {topic})
    silence_driver_logs()
    consumer = TolerantConsumer(
        **settings.kafka_options(), group_id=None, enable_auto_commit=False, isolation_level="read_committed"
    )
    try:
        await with_timeout(KAFKA_TIMEOUT_SECONDS, consumer.start())
        partitions = [TopicPartition(topic, number) for number in partitions_by_topic[topic]]
        consumer.assign(partitions)
        lows = await with_timeout(KAFKA_TIMEOUT_SECONDS, consumer.beginning_offsets(partitions))
        ends = await with_timeout(KAFKA_TIMEOUT_SECONDS, consumer.end_offsets(partitions))
        yield DeadLetterReader(consumer, topic, {at: (lows[at], ends[at]) for at in partitions})
    finally:
        await stop_consumer(consumer)
