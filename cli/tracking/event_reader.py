"""Reads the result events of one request, from where the topics ended before it was published."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from cli.clients.kafka_client import PATIENCE_SECONDS, silence_driver_logs, with_timeout
from cli.tracking.result_tally import ResultTally
from config.settings import CommonSettings

_POLL_MS = 250
_FETCH_BYTES = 512 * 1024
_RECORDS = 2_000


class ResultEventReader:
    """A consumer without a group, so that it disturbs nobody, on all partitions of some topics."""

    def __init__(self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
        self._consumer = consumer
        self._ends = ends

    async def poll(self, roll: ResultTally) -> int:
        """Wait a moment for events and let the roll hear those of its request; how many records there were."""
        found = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS)
        key = roll.request_id.encode()
        heard = 0
        for partition, records in found.items():
            for record in records:
                if record.key == key and record.value is not None:
                    roll.add_event(_kind(record), record.value, fresh=record.offset >= self._ends[partition])
                    heard += 1
        return heard

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Where the topics end now."""
        ends: Mapping[TopicPartition, int] = await with_timeout(
            PATIENCE_SECONDS,
            self._consumer.end_offsets(list(self._ends)),
        )
        return ends

    async def has_passed(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether everything before these ends was heard."""
        for partition, end in ends.items():
            if await self._consumer.position(partition) < end:
                return False
        return True


def _kind(record: ConsumerRecord) -> str:
    """CloudEvents' `ce_type`; strangers may write to the topic, so it may be missing or no text."""
    found = dict(record.headers).get("ce_type") or b""
    return found.decode("utf-8", "replace")


@asynccontextmanager
async def open_follower(
    settings: CommonSettings,
    topics: Mapping[str, list[int]],
    *,
    from_start: bool,
) -> AsyncIterator[ResultEventReader]:
    """Take the ends of all partitions now; with `from_start` also read what was reported of earlier attempts."""
    silence_driver_logs()
    consumer = AIOKafkaConsumer(
        **settings.kafka_options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_bytes=4 * _FETCH_BYTES,
    )
    try:
        await with_timeout(PATIENCE_SECONDS, consumer.start())
        partitions = list(_partitions(topics))
        consumer.assign(partitions)
        ends = await with_timeout(PATIENCE_SECONDS, consumer.end_offsets(partitions))
        for partition, end in ends.items():
            if not from_start:
                consumer.seek(partition, end)
        if from_start:
            await with_timeout(PATIENCE_SECONDS, consumer.seek_to_beginning(*partitions))
        yield ResultEventReader(consumer, ends)
    finally:
        await with_timeout(PATIENCE_SECONDS, consumer.stop())


def _partitions(topics: Mapping[str, list[int]]) -> Iterator[TopicPartition]:
    for topic, numbers in topics.items():
        yield from (TopicPartition(topic, number) for number in numbers)
