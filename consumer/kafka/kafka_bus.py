"""The bus on Kafka: one producer of our own, acks=all, a whole window of events in one batch."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
)
from aiokafka.partitioner import DefaultPartitioner

from config.settings import CommonSettings
from consumer.events import Event, Headers
from consumer.kafka.bus import BusRejected, BusTimeout, BusUnavailable, DeadLetter
from consumer.kafka.partition_writer import PartitionWriter
from core.ids import ChunkId
from core.publish_watchdog import PublishWatchdog
from schemas.results import ChunkPointer
from schemas.statuses import Channel, Lane
from schemas.topics import DEAD_LETTER_BYTES

T = TypeVar("T")

BATCH_BYTES = 512 * 1024
"""Several windows of result events fit in one batch."""
ANSWER_SECONDS = 30.0
"""Producer calls can hang while Kafka is away: none is waited for longer."""
STOP_SECONDS = 1.0
"""Whoever closes the bus has waited for what it published."""
TOPIC_RECHECK_SECONDS = 0.5
"""A topic is created before every broker lists it: what one does not list is asked for again after so long."""
STALLED_SECONDS = 60.0
"""How long nothing that is published may be taken, while Kafka answers, before this process gives its client up."""
_TIMEOUT_ERRORS = (KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError)
_PERMANENT_ERRORS = (
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
"""What repeating does not mend."""


class KafkaBus:
    """See consumer/bus.Bus. Repeats are harmless here (ids tell them), so the producer is not idempotent."""

    def __init__(
        self,
        settings: CommonSettings,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        wedged_seconds: float = STALLED_SECONDS,
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
        self._wedge = PublishWatchdog(wedged_seconds, time.monotonic)
        self._answer_seconds = answer_seconds
        self._partition = DefaultPartitioner()
        self._writers: dict[tuple[str, int], PartitionWriter] = {}

    async def start(self) -> None:
        """Connect; raises BusUnavailable."""
        await _await_answer(self._producer.start())

    async def aclose(self) -> None:
        """Disconnect, whatever state Kafka is in."""
        try:
            await asyncio.wait_for(self._producer.stop(), STOP_SECONDS)
        except (TimeoutError, KafkaError):
            pass
        finally:  # also where nobody waits for that any longer
            await self._producer.client.close()

    async def ping(self) -> None:
        """Return when a broker answers."""
        try:
            await _await_answer(self._producer.client.fetch_all_metadata(), 5)
        except BusUnavailable:
            self._wedge.ping_finished(answered=False)
            raise
        self._wedge.ping_finished(answered=True)

    @property
    def can_publish(self) -> bool:
        """Whether anything of what is published is taken; true while nothing is."""
        return not self._wedge.is_stalled

    def fatal_reason(self) -> str | None:
        """Why nothing more can be published by this process, though Kafka answers; None: it can, or may soon."""
        sender: Any = self._producer._sender  # noqa: SLF001  # no other way to ask
        if sender.sender_task is not None and sender.sender_task.done():
            return "the sender of Kafka's client has ended"
        return "Kafka answers, and takes nothing that this process publishes" if self._wedge.is_dead else None

    async def cluster_id(self) -> str:
        """The id of the cluster, which names bare records; empty where the broker tells none."""
        admin = AIOKafkaAdminClient(**self._options)
        try:
            await _await_answer(admin.start())
            return str((await _await_answer(admin.describe_cluster())).get("cluster_id") or "")
        finally:
            with contextlib.suppress(BusUnavailable):
                await _await_answer(admin.close(), 5)

    async def missing_topics(self) -> list[str]:
        """Which of our own topics are not there."""
        return await self._find_missing_topics([spec.name for spec in self._topics.specs()])

    async def topic_exists(self, topic: str) -> bool:
        """Whether a topic is there to publish to; its caller may have created it just now."""
        return topic in self._producer.client.cluster.topics() or not await self._find_missing_topics([topic])

    async def _find_missing_topics(self, topics: Sequence[str]) -> list[str]:
        """Which of these topics are missing in two answers."""
        known = await self._known_topics()
        missing = [topic for topic in topics if topic not in known]
        if missing:
            await asyncio.sleep(TOPIC_RECHECK_SECONDS)
            known = await self._known_topics()
            missing = [topic for topic in missing if topic not in known]
        return missing

    async def topic_was_deleted(self, topic: str) -> bool:
        """Whether Kafka lists our own topics, and not this one."""
        known = await self._known_topics()
        return self._topics.results in known and topic not in known

    async def _known_topics(self) -> set[str]:
        metadata = await _await_answer(self._producer.client.fetch_all_metadata())
        return set(metadata.topics())

    async def publish_wake_up(self, lane: Lane, channel: Channel, chunk: ChunkId) -> None:
        """Publish the wake-up call of a chunk."""
        topic = self._topics.chunks_express if lane is Lane.EXPRESS else self._topics.chunks
        value = ChunkPointer(chunk_id=chunk, channel=channel).model_dump_json().encode()
        await self._send(topic, chunk.encode(), value, [])

    async def publish_dead_letter(self, letter: DeadLetter) -> None:
        """Publish a dead letter."""
        await self._send(self._topics.dead_letters, letter.key, letter.sealed, letter.headers())

    async def _send(self, topic: str, key: bytes | None, value: bytes, headers: Headers) -> None:
        await self._await_acknowledgement(self._producer.send_and_wait(topic, value, key=key, headers=headers))

    async def _await_acknowledgement(self, publishing: Awaitable[T]) -> T:
        """What Kafka answers to records that were handed over."""
        try:
            found = await self._enqueue(publishing)
        except BusTimeout:
            raise
        except BusUnavailable:
            self._wedge.publish_answered()
            raise
        self._wedge.publish_answered()
        return found

    async def _enqueue(self, handing_over: Awaitable[T]) -> T:
        """What the client answers, which has no room while earlier records are under way."""
        try:
            return await _await_answer(handing_over, self._answer_seconds)
        except BusTimeout:
            self._wedge.publish_timed_out()
            raise

    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        """Publish events under one key, together with what else goes to its partition."""
        encoded, now = key.encode(), int(time.time() * 1000)
        partitions = sorted(await _await_answer(self._producer.partitions_for(topic)))
        partition = self._partition(encoded, partitions, partitions)
        writer = self._writers.get((topic, partition))
        if writer is None:
            writer = PartitionWriter(self._producer, topic, partition, self._enqueue, self._await_acknowledgement)
            self._writers[topic, partition] = writer
        await writer.write(encoded, events, now)

    async def consumer_lag(self, topic: str, partition: int) -> int:
        """How many records of an intake partition its group has not committed."""
        at = TopicPartition(topic, partition)
        consumer = AIOKafkaConsumer(group_id=self._topics.group_of(topic), enable_auto_commit=False, **self._options)
        try:
            await _await_answer(consumer.start())
            consumer.assign([at])
            end = (await _await_answer(consumer.end_offsets([at])))[at]
            done = await _await_answer(consumer.committed(at))
            if done is None:
                done = (await _await_answer(consumer.beginning_offsets([at])))[at]
            return int(end - done)
        finally:
            with contextlib.suppress(BusUnavailable):  # it can hang while Kafka is away
                await _await_answer(consumer.stop(), 5)


async def _await_answer(call: Awaitable[T], seconds: float = ANSWER_SECONDS) -> T:
    """What Kafka answers in time, or BusUnavailable. aiokafka's errors may name brokers and topics, nothing else."""
    try:
        return await asyncio.wait_for(call, seconds)
    except TimeoutError:
        raise BusTimeout("Kafka did not answer in time") from None
    except _PERMANENT_ERRORS as error:
        raise BusRejected(f"Kafka: {type(error).__name__}") from None
    except _TIMEOUT_ERRORS as error:
        raise BusTimeout(f"Kafka: {type(error).__name__}") from None
    except KafkaError as error:
        raise BusUnavailable(f"Kafka: {type(error).__name__}") from None
