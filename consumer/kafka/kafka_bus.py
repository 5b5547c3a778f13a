"""Bus on Kafka: one producer with acks=all, and one batch for all events of a window."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RequestTimedOutError,
)
from aiokafka.partitioner import DefaultPartitioner
from typing_extensions import override

from config.settings import CommonSettings
from consumer.events import Event, Headers
from consumer.fetch.tolerant_consumer import TolerantConsumer
from consumer.kafka.bus import Bus, BusRejected, BusTimeout, BusUnavailable, DeadLetter, TooLargeForTopic
from consumer.kafka.partition_writer import PartitionWriter
from consumer.kafka.stop_consumer import stop_consumer
from core.ids import ChunkId
from core.publish_watchdog import PublishWatchdog
from schemas.results import ChunkPointer
from schemas.statuses import Channel, Lane
from schemas.topic_definitions import DEAD_LETTER_BYTES

T = TypeVar("T")

BATCH_BYTES = 512 * 1024
"""Maximum size of a batch in bytes. Several windows of result events fit in it."""
ANSWER_SECONDS = 30.0
"""Maximum time for a call of the producer in seconds. Calls can hang while Kafka is unavailable."""
STOP_SECONDS = 1.0
"""Maximum time to stop the producer in seconds. Before that the service has waited for all it published."""
TOPIC_RECHECK_SECONDS = 0.5
"""Pause before a missing topic is looked up again, in seconds. Not every broker lists a new topic at once."""
STALLED_SECONDS = 60.0
"""Time in seconds after which the client is dead if Kafka answers pings but takes no published record."""
_TIMEOUT_ERRORS = (KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError)
_partitioner = DefaultPartitioner()
_SIZE_ERRORS = (MessageSizeTooLargeError, RecordListTooLargeError)


class KafkaBus(Bus):
    """Implementation on Kafka. The producer is not idempotent, because readers tell repeats by their ids."""

    def __init__(
        self,
        settings: CommonSettings,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        stalled_seconds: float = STALLED_SECONDS,
    ) -> None:
        self._topics, self._options = settings.topics, settings.kafka_options()
        self._producer = AIOKafkaProducer(
            acks="all",
            compression_type="lz4",
            max_batch_size=BATCH_BYTES,
            max_request_size=DEAD_LETTER_BYTES,
            request_timeout_ms=10_000,
            **self._options,
        )
        self._watchdog = PublishWatchdog(stalled_seconds, time.monotonic)
        self._answer_seconds = answer_seconds
        self._writers: dict[tuple[str, int], PartitionWriter] = {}

    async def start(self) -> None:
        """Connect to Kafka. Raise BusUnavailable if that fails."""
        await _await_answer(self._producer.start())

    async def aclose(self) -> None:
        """Disconnect in whatever state Kafka is."""
        try:
            await asyncio.wait_for(self._producer.stop(), STOP_SECONDS)
        except (TimeoutError, KafkaError):
            pass
        finally:  # also if this task was cancelled
            await self._producer.client.close()

    async def ping(self) -> None:
        """Wait until a broker answers. Raise BusUnavailable if none does."""
        try:
            await _await_answer(self._producer.client.fetch_all_metadata(), 5)
        except BusUnavailable:
            self._watchdog.ping_finished(answered=False)
            raise
        self._watchdog.ping_finished(answered=True)

    @property
    def can_publish(self) -> bool:
        """Return whether Kafka takes published records. True as long as nothing was published."""
        return not self._watchdog.is_stalled

    def fatal_reason(self) -> str | None:
        """Return why this process can never publish again although Kafka answers, or None if it can or may soon."""
        sender: Any = self._producer._sender  # noqa: SLF001  # aiokafka has no public way to ask
        if sender.sender_task is not None and sender.sender_task.done():
            return "the sender task of the Kafka client has ended"
        return "Kafka answers but accepts no record from this process" if self._watchdog.is_dead else None

    async def cluster_id(self) -> str:
        """Return the cluster id, or an empty string. Request ids of records without an id are derived from it."""
        admin = AIOKafkaAdminClient(**self._options)
        try:
            await _await_answer(admin.start())
            return str((await _await_answer(admin.describe_cluster())).get("cluster_id") or "")
        finally:
            with contextlib.suppress(BusUnavailable):
                await _await_answer(admin.close(), 5)

    async def missing_topics(self) -> list[str]:
        """Return the names of rollcall's own topics that do not exist."""
        return await self._find_missing_topics([spec.name for spec in self._topics.specs()])

    @override
    async def topic_exists(self, topic: str, *, may_be_new: bool = True) -> bool:
        if topic in self._producer.client.cluster.topics():
            return True
        return not await self._find_missing_topics([topic]) if may_be_new else topic in await self._known_topics()

    async def _find_missing_topics(self, topics: Sequence[str]) -> list[str]:
        """Return the topics that are missing in two answers, some time apart."""
        known = await self._known_topics()
        missing = [topic for topic in topics if topic not in known]
        if missing:
            await asyncio.sleep(TOPIC_RECHECK_SECONDS)
            known = await self._known_topics()
            missing = [topic for topic in missing if topic not in known]
        return missing

    @override
    async def topic_was_deleted(self, topic: str) -> bool:
        known = await self._known_topics()
        return self._topics.results in known and topic not in known  # an answer without our own topics proves nothing

    async def _known_topics(self) -> set[str]:
        metadata = await _await_answer(self._producer.client.fetch_all_metadata())
        return set(metadata.topics())

    @override
    async def publish_wake_up(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        topic = self._topics.chunks_express if lane is Lane.EXPRESS else self._topics.chunks
        value = ChunkPointer(chunk_id=chunk, channel=channel).model_dump_json().encode()
        await self._send(topic, chunk.encode(), value, [])

    @override
    async def publish_dead_letter(self, dead_letter: DeadLetter) -> None:
        await self._send(self._topics.dead_letters, dead_letter.key, dead_letter.sealed, dead_letter.headers())

    async def _send(self, topic: str, key: bytes | None, value: bytes, headers: Headers) -> None:
        await self._await_acknowledgement(self._producer.send_and_wait(topic, value, key=key, headers=headers))

    async def _await_acknowledgement(self, publishing: Awaitable[T]) -> T:
        """Return Kafka's answer to records, and tell the watchdog about it."""
        try:
            answer = await self._enqueue(publishing)
        except BusTimeout:
            raise
        except BusUnavailable:
            self._watchdog.publish_answered()
            raise
        self._watchdog.publish_answered()
        return answer

    async def _enqueue(self, sending: Awaitable[T]) -> T:
        """Return the client's answer. The client has no room while it sends earlier records."""
        try:
            return await _await_answer(sending, self._answer_seconds)
        except BusTimeout:
            self._watchdog.publish_timed_out()
            raise

    @override
    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        encoded, now = key.encode(), int(time.time() * 1000)
        known = self._producer.client.cluster.partitions_for_topic(topic)  # a call with a time-out costs a task
        partitions = known or await _await_answer(self._producer.partitions_for(topic))
        partition = partition_of(encoded, tuple(sorted(partitions)))
        writer = self._writers.get((topic, partition))
        if writer is None:
            writer = PartitionWriter(self._producer, topic, partition, self._enqueue, self._await_acknowledgement)
            self._writers[topic, partition] = writer
        try:
            await writer.write(encoded, events, now)
        finally:
            if writer.is_idle:  # callers choose reply topics, and each may be used once
                self._writers.pop((topic, partition), None)

    @override
    async def consumer_lag(self, topic: str, partition: int) -> int:
        at = TopicPartition(topic, partition)
        consumer = TolerantConsumer(
            group_id=self._topics.group_of(topic),
            enable_auto_commit=False,
            isolation_level="read_uncommitted",  # the end includes the records of open transactions
            **self._options,
        )
        try:
            await _await_answer(consumer.start())
            consumer.assign([at])
            end = (await _await_answer(consumer.end_offsets([at])))[at]
            done = await _await_answer(consumer.committed(at))
            if done is None:
                done = (await _await_answer(consumer.beginning_offsets([at])))[at]
            return int(end - done)
        finally:
            await stop_consumer(consumer)


@lru_cache(maxsize=1_000)  # the events of a request share their key
def partition_of(key: bytes, partitions: tuple[int, ...]) -> int:
    """Return the partition of a key, as all Kafka clients choose it. Its hash is computed in Python."""
    return int(_partitioner(key, partitions, partitions))


async def _await_answer(call: Awaitable[T], seconds: float = ANSWER_SECONDS) -> T:
    """Return Kafka's answer, or raise BusUnavailable. The name of an aiokafka error contains no personal data."""
    try:
        return await asyncio.wait_for(call, seconds)
    except TimeoutError:
        raise BusTimeout("Kafka did not answer in time") from None
    except _SIZE_ERRORS as error:
        raise TooLargeForTopic(f"Kafka: {type(error).__name__}") from None
    except _TIMEOUT_ERRORS as error:
        raise BusTimeout(f"Kafka: {type(error).__name__}") from None
    except KafkaError as error:
        raise BusRejected(f"Kafka: {type(error).__name__}") from None
