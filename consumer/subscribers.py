"""FastStream application: its subscribers, with their topics, groups and handlers."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512
from typing_extensions import override

from consumer.context import ConsumerContext
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.expand.expansion_queue import ExpansionQueue
from consumer.fetch.batch_consumer import BatchConsumer
from consumer.fetch.parse_record import UnparsedBytes
from consumer.kafka.group_commits import RebalanceSafeCommitter
from consumer.kafka.offset_tracker import TrackedRecord
from consumer.kafka.read_positions import ReadPositions, SubscriptionPosition
from consumer.kafka.record import KafkaRecord
from consumer.logger import logger
from consumer.monitoring.readiness import EXPAND, SETTLE
from consumer.settings import ConsumerSettings
from consumer.settle.receipt_queue import ReceiptQueue
from schemas.statuses import Lane

ANSWER_SECONDS = 10.0
"""Maximum time that a broker may take for an answer, in seconds. A frozen broker stops its partitions for that long."""
METADATA_SECONDS = 10.0
"""Maximum age of what a consumer knows of the leaders of partitions, in seconds."""
FETCH_SECONDS = 1.0
"""Maximum time for which a fetch waits at a broker for records, in seconds. The first record ends the wait.

With the default of 0.5 s, four groups took a third of what an idle consumer takes of a core. A broker answers one
request of a connection after the other, so that a rebalance may wait for as long.
"""
LEAVE_SECONDS = 1.0
"""Maximum time that a stop waits for running expansions, in seconds. Other records are read again after the leave."""

TakeRecord = Callable[[KafkaRecord, TrackedRecord], Awaitable[None]]
"""Function that takes a record, and returns when it may have the next one."""

_SUBSCRIPTION_OPTIONS: dict[str, Any] = {
    "ack_policy": AckPolicy.MANUAL,
    "auto_offset_reset": "earliest",
    "isolation_level": "read_committed",  # the default would send what a caller's transaction has not committed
    "no_reply": True,
    "rebalance_timeout_ms": 60_000,
    "max_poll_interval_ms": 3_600_000,
    "fetch_max_wait_ms": round(FETCH_SECONDS * 1000),
}
_MIB = 1024 * 1024
_REQUEST_FETCHES = {"fetch_max_bytes": 2 * _MIB, "max_partition_fetch_bytes": _MIB}
"""Bounds on the bytes of requests that are fetched and not read yet. Kafka returns one batch, whatever its size."""
_WAKE_UP_FETCHES = {"fetch_max_bytes": _MIB // 4, "max_partition_fetch_bytes": _MIB // 16}
"""The same for wake-up messages, which have a hundred bytes each."""
_RECEIPT_FETCHES = {"fetch_max_bytes": _MIB // 2, "max_partition_fetch_bytes": _MIB // 4}
"""The same for receipts, which have some hundred bytes each."""


class RecordQueues(NamedTuple):
    """Queues that take the records of the topics."""

    expansions: Mapping[str, ExpansionQueue]
    """By intake topic."""
    wake_ups: WakeUpQueue
    receipts: ReceiptQueue


class TolerantBroker(KafkaBroker):
    """Broker of FastStream whose subscribers step over what cannot be parsed."""

    @override
    async def _connect(self) -> Callable[..., AIOKafkaConsumer]:
        builder: Any = await super()._connect()
        tolerant = self.config.broker_config.builder = partial(BatchConsumer, **builder.keywords)
        return tolerant


async def parse_nothing(records: tuple[ConsumerRecord, ...], original: object) -> KafkaMessage:
    """Return a message that only carries the records.

    FastStream would read the headers, and lose all records if a header is null or not UTF-8.
    """
    del original
    return KafkaMessage(records, b"", consumer=FAKE_CONSUMER)


async def take_records(message: KafkaMessage) -> deque[KafkaRecord]:
    """Take the records out of a message, so that the bytes of each are free as soon as it is done.

    FastStream keeps the message and what this returns until it has the next message. The handler therefore removes each
    record that it has handed on.
    """
    records = message.raw_message
    if not isinstance(records, tuple):
        raise TypeError("records must be read in batches")
    return deque(map(_take_record, records))


def _take_record(record: ConsumerRecord) -> KafkaRecord:
    taken = KafkaRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=record.headers,
        unparsed=record.value.problem if isinstance(record.value, UnparsedBytes) else None,
    )
    record.key, record.value, record.headers = None, None, ()
    return taken


def build_faststream(
    settings: ConsumerSettings,
    context: ConsumerContext,
    queues: RecordQueues,
    positions: ReadPositions,
) -> tuple[FastStream, KafkaBroker]:
    """Build the application and its broker with five subscribers, one per topic and group."""
    options = settings.kafka_options()
    servers = options.pop("bootstrap_servers")
    broker = TolerantBroker(
        servers,
        parser=parse_nothing,
        decoder=take_records,
        graceful_timeout=LEAVE_SECONDS,
        logger=None,
        consumer_only=True,  # the bus publishes, and FastStream never closes a producer that failed to start
        apply_types=False,  # handlers take the message unchanged, so nothing is converted or injected
        security=security_of(options),
        request_timeout_ms=round(ANSWER_SECONDS * 1000),
        # aiokafka (0.14, Fetcher._update_fetch_positions) asks a broker that is not the leader any more again and
        # again, until what it knows is too old. By default that is five minutes.
        metadata_max_age_ms=round(METADATA_SECONDS * 1000),
    )
    topics, reading = settings.topics, {**_SUBSCRIPTION_OPTIONS, **_heartbeats(settings.kafka_session_seconds)}

    def subscribe(topic: str, kind: str, take: TakeRecord, fetches: Mapping[str, int]) -> None:
        commits, group = RebalanceSafeCommitter(), topics.group_of(topic)
        options = {**reading, **fetches}
        subscriber = broker.subscriber(topic, group_id=group, listener=commits, batch=True, **options)
        position = positions.watch(topic, subscriber, commits)

        @subscriber  # type: ignore[untyped-decorator]
        async def on_records(records: deque[KafkaRecord]) -> None:
            with context.readiness.working_on(kind, topic):
                await hand_on(records, take, position)

    for topic, expansion_queue in queues.expansions.items():
        subscribe(topic, EXPAND, expansion_queue.submit, _REQUEST_FETCHES)
    for topic, lane in ((topics.chunks, Lane.BULK), (topics.chunks_express, Lane.EXPRESS)):
        subscribe(topic, lane, partial(queues.wake_ups.enqueue, lane), _WAKE_UP_FETCHES)
    subscribe(topics.receipts, SETTLE, queues.receipts.submit, _RECEIPT_FETCHES)
    return FastStream(broker, logger=None), broker


async def hand_on(records: deque[KafkaRecord], take: TakeRecord, position: SubscriptionPosition) -> None:
    """Hand on one record after the other. The offset tracker knows all of them before one waits."""
    with position.in_handler():
        tracked = [position.start(record) for record in records]
        for each in tracked:
            _log_unparsed(records[0])
            await take(records.popleft(), each)


def _log_unparsed(record: KafkaRecord) -> None:
    if record.unparsed:
        at = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        logger.error("record not parsed", **at, problem=record.unparsed, bytes=len(record.value or b""))


def _heartbeats(session_seconds: float) -> dict[str, int]:
    """Return the session time-out and the heartbeat interval: six heartbeats per session, and at least one per second.

    The answer to a heartbeat tells a member that another one joins or leaves. The group waits for this.
    """
    milliseconds = round(session_seconds * 1000)
    return {"session_timeout_ms": milliseconds, "heartbeat_interval_ms": min(1_000, milliseconds // 6)}


_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def security_of(options: dict[str, Any]) -> BaseSecurity:
    """Return the security object of FastStream for the options of `CommonSettings.kafka_options`."""
    tls_context, uses_tls = options.get("ssl_context"), options["security_protocol"].endswith("SSL")
    mechanism = options.get("sasl_mechanism")
    if mechanism is None:
        return BaseSecurity(ssl_context=tls_context, use_ssl=uses_tls)
    return _SASL[mechanism](
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        ssl_context=tls_context,
        use_ssl=uses_tls,
    )
