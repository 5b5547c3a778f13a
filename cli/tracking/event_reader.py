"""Reader of the result events of one request, from the end that the topics had before it was published."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from cli.clients.kafka_client import KAFKA_TIMEOUT_SECONDS, silence_driver_logs, with_timeout
from cli.tracking.result_tally import ResultTally
from config.settings import CommonSettings
from consumer.fetch.tolerant_consumer import TolerantConsumer
from consumer.kafka.stop_consumer import stop_consumer

_POLL_MS = 250
_FETCH_BYTES = 512 * 1024
_RECORDS = 2_000
_ANSWER_SECONDS = 5.0
"""Maximum time for an answer of Kafka, in seconds, until it counts as unavailable."""


class ResultEventReader:
    """Reader of all partitions of some topics, without a consumer group, so that it does not affect other consumers."""

    def __init__(self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
        self._consumer = consumer
        self._ends = ends

    async def poll(self, tally: ResultTally) -> int:
        """Wait a moment for events, and add those of the tally's request to it. Return their number."""
        batches = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS)
        key = tally.request_id.encode()
        count = 0
        for partition, records in batches.items():
            for record in records:
                if record.key == key and record.value is not None:
                    tally.add_event(_event_type(record), record.value, fresh=record.offset >= self._ends[partition])
                    count += 1
        return count

    async def answers(self) -> bool:
        """Return whether Kafka answers. While it does not, `poll` returns without events and without an error."""
        try:
            await with_timeout(_ANSWER_SECONDS, self._consumer.topics())
        except (KafkaError, OSError, TimeoutError):
            return False
        return True

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Return the current end of each partition."""
        ends: Mapping[TopicPartition, int] = await with_timeout(
            KAFKA_TIMEOUT_SECONDS,
            self._consumer.end_offsets(list(self._ends)),
        )
        return ends

    async def has_passed(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Return whether everything before these ends was read."""
        for partition, end in ends.items():
            if await self._consumer.position(partition) < end:
                return False
        return True


def _event_type(record: ConsumerRecord) -> str:
    """Return the CloudEvents header `ce_type`. Any program may write to the topic, so it may be missing or not text."""
    event_type = dict(record.headers).get("ce_type") or b""
    return event_type.decode("utf-8", "replace")


@asynccontextmanager
async def open_event_reader(
    settings: CommonSettings,
    topics: Mapping[str, list[int]],
    *,
    from_start: bool,
) -> AsyncIterator[ResultEventReader]:
    """Open a reader at the current end of all partitions. With `from_start`, also read events of earlier attempts."""
    silence_driver_logs()
    consumer = TolerantConsumer(
        **settings.kafka_options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_bytes=4 * _FETCH_BYTES,
    )
    try:
        await with_timeout(KAFKA_TIMEOUT_SECONDS, consumer.start())
        partitions = list(_partitions(topics))
        consumer.assign(partitions)
        ends = await with_timeout(KAFKA_TIMEOUT_SECONDS, consumer.end_offsets(partitions))
        for partition, end in ends.items():
            if not from_start:
                consumer.seek(partition, end)
        if from_start:
            await with_timeout(KAFKA_TIMEOUT_SECONDS, consumer.seek_to_beginning(*partitions))
        yield ResultEventReader(consumer, ends)
    finally:
        await stop_consumer(consumer)


def _partitions(topics: Mapping[str, list[int]]) -> Iterator[TopicPartition]:
    for topic, numbers in topics.items():
        yield from (TopicPartition(topic, number) for number in numbers)
