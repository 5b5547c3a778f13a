"""FastStream application: its subscribers, with their topics, groups and handlers."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512
from typing_extensions import override

from consumer.context import ConsumerContext
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.expand.expansion_queue import ExpansionQueue
from consumer.fetch.parse_record import UnparsedBytes
from consumer.fetch.tolerant_consumer import TolerantConsumer
from consumer.kafka.group_commits import RebalanceSafeCommitter
from consumer.kafka.offset_tracker import CommitOffset
from consumer.kafka.read_positions import ReadPositions
from consumer.kafka.record import KafkaRecord
from consumer.logger import logger
from consumer.monitoring.readiness import EXPAND
from consumer.settings import ConsumerSettings
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

TakeRecord = Callable[[KafkaRecord, CommitOffset], Awaitable[None]]
"""Function that gives a record to the offset tracker before it waits, and returns when the next one may be read."""

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


class TolerantBroker(KafkaBroker):
    """Broker of FastStream whose subscribers step over what cannot be parsed."""

    @override
    async def _connect(self) -> Callable[..., AIOKafkaConsumer]:
        builder: Any = await super()._connect()
        tolerant = self.config.broker_config.builder = partial(TolerantConsumer, **builder.keywords)
        return tolerant


async def parse_with_unreadable_headers(
    record: ConsumerRecord, original: Callable[[Any], Awaitable[KafkaMessage]]
) -> KafkaMessage:
    """Parse a record without its unreadable headers. FastStream loses a record if a header is null or not UTF-8."""
    readable = [(name, value) for name, value in record.headers if _is_text(value)]
    message = await original(_with_headers(record, readable))
    message.raw_message = record
    return message


def _is_text(value: bytes | None) -> bool:
    try:
        return value is not None and value.decode() is not None
    except UnicodeDecodeError:
        return False


def _with_headers(record: ConsumerRecord, headers: list[tuple[str, bytes]]) -> ConsumerRecord:
    fields = {name: getattr(record, name) for name in record.__dataclass_fields__}
    return ConsumerRecord(**{**fields, "headers": tuple(headers)})


async def leave_undecoded(message: KafkaMessage) -> KafkaMessage:
    """Return the message unchanged. Handlers decode it themselves, so that they can reject an unreadable record."""
    return message


def build_faststream(
    settings: ConsumerSettings,
    context: ConsumerContext,
    expansions: Mapping[str, ExpansionQueue],
    wake_up_queue: WakeUpQueue,
    positions: ReadPositions,
) -> tuple[FastStream, KafkaBroker]:
    """Build the application and its broker with four subscribers, one per topic and group."""
    options = settings.kafka_options()
    servers = options.pop("bootstrap_servers")
    broker = TolerantBroker(
        servers,
        parser=parse_with_unreadable_headers,
        decoder=leave_undecoded,
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
        subscriber = broker.subscriber(topic, group_id=group, listener=commits, **options)
        position = positions.watch(topic, subscriber, commits)

        @subscriber  # type: ignore[untyped-decorator]
        async def on_record(message: KafkaMessage) -> None:
            record = take_record(message)
            if record.unparsed:
                at = {"topic": topic, "partition": record.partition, "offset": record.offset}
                logger.error("record not parsed", **at, problem=record.unparsed, bytes=len(record.value or b""))
            with context.readiness.working_on(kind, topic), position.in_handler():
                await take(record, _commit_of(message, record, commits))

    for topic, expansion_queue in expansions.items():
        subscribe(topic, EXPAND, expansion_queue.submit, _REQUEST_FETCHES)
    subscribe(topics.chunks, Lane.BULK, partial(wake_up_queue.enqueue, Lane.BULK), _WAKE_UP_FETCHES)
    subscribe(topics.chunks_express, Lane.EXPRESS, partial(wake_up_queue.enqueue, Lane.EXPRESS), _WAKE_UP_FETCHES)
    return FastStream(broker, logger=None), broker


def _heartbeats(session_seconds: float) -> dict[str, int]:
    """Return the session time-out and the heartbeat interval: six heartbeats per session, and at least one per second.

    The answer to a heartbeat tells a member that another one joins or leaves. The group waits for this.
    """
    milliseconds = round(session_seconds * 1000)
    return {"session_timeout_ms": milliseconds, "heartbeat_interval_ms": min(1_000, milliseconds // 6)}


def take_record(message: KafkaMessage) -> KafkaRecord:
    """Take the record out of a message, so that its bytes are free as soon as the record is done.

    FastStream keeps the message until the next one. It also keeps the decoded message in the message. As
    `leave_undecoded` returns the message itself, this is a cycle, which only the garbage collector would end.
    """
    record = message.raw_message
    if isinstance(record, tuple):
        raise TypeError("records must be read one at a time")
    taken = KafkaRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        unparsed=record.value.problem if isinstance(record.value, UnparsedBytes) else None,
    )
    message.clear_cache()
    message.body, record.key, record.value, record.headers = b"", None, None, ()
    return taken


def _commit_of(message: KafkaMessage, record: KafkaRecord, commits: RebalanceSafeCommitter) -> CommitOffset:
    """Return the function that commits the partition of a record."""
    return partial(commits.commit, message.consumer, TopicPartition(record.topic, record.partition))


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
