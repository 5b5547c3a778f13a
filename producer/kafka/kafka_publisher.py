"""Publisher on Kafka. It maintains its connection if Kafka is unavailable at the start, returns, or moves.

It is not an idempotent producer. docs/decisions/0003-the-http-service.md gives the reasons.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
)
from typing_extensions import override

from config.logging_setup import describe
from core.publish_watchdog import PublishWatchdog
from producer.kafka.publisher import (
    KeyedRecord,
    Publisher,
    PublishError,
    PublishingStalledError,
    TopicsMissingError,
)
from producer.kafka.topic_lookup import TopicLookup
from producer.kafka.topic_questions import PROBE_SECONDS, fetch_topics, topics_by_existence
from producer.settings import ProducerSettings

PUBLISH_TIMEOUT_SECONDS = 4.5
"""Maximum time in seconds for which a call waits for Kafka. The rest of its five seconds is for the response."""
REQUEST_TIMEOUT_MS = 4_000
"""Maximum time in milliseconds for which aiokafka tries a record.

It gives up before the call does, so that few records are sent after a 503.
"""
REFUSE_AFTER_PROBES = 2
"""Number of unanswered probes in a row after which calls are refused at once. A single one may be a short pause."""
RECONNECT_AFTER_PROBES = 10
"""Number of unanswered probes in a row after which the publisher reconnects through the bootstrap addresses."""
STALL_SECONDS = 30.0
"""Maximum time in seconds without an acknowledgement while Kafka answers. After it the process ends."""
STOP_SECONDS = 2.5
BATCH_BYTES = 256 * 1024
RECORDS_OF_TURN = 50
"""Number of records that are sent in one turn of the event loop. A call with receipts may have thousands."""

_NO_ANSWER = (KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError, TimeoutError)

T = TypeVar("T")
_log = structlog.get_logger()


class KafkaPublisher(Publisher):
    """Publishes with acks=all, or raises PublishError in time."""

    def __init__(self, settings: ProducerSettings, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._options = settings.kafka_options()
        self._required_topics = (settings.topics.requests, settings.topics.requests_express)
        self._producer: AIOKafkaProducer | None = None
        self._problem: str | None = "not connected yet"
        self._logged_problem: str | None = self._problem
        self._connection_task: asyncio.Task[None] | None = None
        self._watchdog = PublishWatchdog(stall_seconds, time.monotonic)
        self._topic_lookup = TopicLookup(self._ask_for_topics)
        self._failure: TopicsMissingError | PublishingStalledError | None = None
        self._has_failed = asyncio.Event()
        self._was_ready = self._topics_were_missing = False

    @override
    async def start(self) -> None:
        self._connection_task = asyncio.create_task(self._maintain_connection())

    @override
    def problem(self) -> str | None:
        return self._problem or ("Kafka acknowledges no records" if self._watchdog.is_stalled else None)

    @override
    async def wait_failed(self) -> TopicsMissingError | PublishingStalledError:
        await self._has_failed.wait()
        return self._failure or TopicsMissingError(self._required_topics)

    @override
    async def publish(self, topic: str, records: Sequence[KeyedRecord]) -> None:
        """Send all records in order, then wait for all acknowledgements."""
        producer = self._producer
        if producer is None or self._problem:
            raise PublishError(may_be_published=False)
        pending: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                for record in records:
                    # One partition, one request in flight: a retry does not overtake.
                    pending.append(await producer.send(topic, record.value, record.key))
                    pending[-1].add_done_callback(_retrieve_exception)
                    if len(pending) % RECORDS_OF_TURN == 0:
                        await asyncio.sleep(0)
                await asyncio.gather(*pending)
        except (KafkaError, TimeoutError) as error:
            if isinstance(error, _NO_ANSWER):
                self._watchdog.publish_timed_out()
            else:
                self._watchdog.publish_answered()
            _log.warning("publishing failed", error=type(error).__name__, records=len(records), sent=len(pending))
            raise PublishError(may_be_published=bool(pending)) from None
        self._watchdog.publish_answered()

    @override
    async def topic_exists(self, topic: str) -> bool | None:
        return None if self._problem else await self._topic_lookup.exists(topic)

    async def _ask_for_topics(self, topics: Sequence[str]) -> Mapping[str, bool]:
        return {} if self._producer is None else await topics_by_existence(self._producer, topics)

    @override
    async def stop(self) -> None:
        if self._connection_task is not None:
            self._connection_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connection_task

    async def _maintain_connection(self) -> None:
        """Connect, probe, and reconnect after the connection is lost for good."""
        while True:
            try:
                async with self._connected() as producer:
                    await self._probe_repeatedly(producer)
            except Exception as error:  # noqa: BLE001  # an error in the client must not end the connection for ever
                _log.error("connection to Kafka failed", fault=describe(error))  # its message may quote a record
                await asyncio.sleep(PROBE_SECONDS)

    async def _probe_repeatedly(self, producer: AIOKafkaProducer) -> None:
        """Fetch the topics repeatedly. Return after RECONNECT_AFTER_PROBES unanswered probes in a row."""
        unanswered = 0
        while unanswered < RECONNECT_AFTER_PROBES:
            known = await fetch_topics(producer)
            self._watchdog.ping_finished(answered=known is not None)
            self._fail_if_stalled(producer)
            unanswered = 0 if known is not None else unanswered + 1
            if known is not None:
                self._check_topics(known)
            elif unanswered >= REFUSE_AFTER_PROBES:
                self._problem = "Kafka does not answer"
            self._log_change()
            await asyncio.sleep(PROBE_SECONDS)

    def _fail_if_stalled(self, producer: AIOKafkaProducer) -> None:
        """Report the failure if the client cannot publish any more. Only a new process helps then."""
        sender: Any = producer._sender  # noqa: SLF001  # aiokafka has no public way to see it
        if sender.sender_task.done():
            self._fail(PublishingStalledError("the sender task of the Kafka client has ended"))
        elif self._watchdog.is_dead:
            self._fail(PublishingStalledError("Kafka answers, but acknowledges no records of this process"))

    def _fail(self, error: TopicsMissingError | PublishingStalledError) -> None:
        self._failure = error
        self._has_failed.set()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = await self._connect()
        while producer is None:
            await asyncio.sleep(PROBE_SECONDS / 2)
            producer = await self._connect()
        self._producer = producer
        try:
            yield producer
        finally:
            self._producer, self._problem = None, "not connected"
            if not await _finish_within(producer.stop(), STOP_SECONDS):
                await _finish_within(producer.client.close(), STOP_SECONDS)

    async def _connect(self) -> AIOKafkaProducer | None:
        producer = AIOKafkaProducer(
            **self._options,
            acks="all",
            # zstd compresses a part of 900 KB to 30 KB in 1.4 ms. aiokafka's lz4, at level 9, takes 20 ms for 140 KB.
            # Compression runs on the event loop, so that every call waits for it.
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        if await _finish_within(producer.start(), 2 * PROBE_SECONDS):
            return producer
        await _finish_within(producer.stop(), STOP_SECONDS)
        self._problem = "Kafka does not answer"
        self._log_change()
        return None

    def _check_topics(self, known: Collection[str]) -> None:
        """Record the required topics that Kafka does not have. Twice in a row at the start is a failure."""
        missing = [name for name in self._required_topics if name not in known]
        self._problem = f"topics are missing: {', '.join(missing)}" if missing else None
        self._was_ready = self._was_ready or not missing
        # If topics vanish later, the service keeps running and waits until the operator has created them again.
        if missing and not self._was_ready:
            if self._topics_were_missing:
                self._fail(TopicsMissingError(missing))
            self._topics_were_missing = True

    def _log_change(self) -> None:
        """Log if the service has lost its readiness, or has it again."""
        problem = self.problem()
        if problem != self._logged_problem:
            log = _log.warning if problem else _log.info
            log("kafka probed", ready=problem is None, reason=problem, variable="ROLLCALL_KAFKA_BOOTSTRAP")
        self._logged_problem = problem


async def _finish_within(work: Awaitable[T], seconds: float) -> bool:
    """Return whether the work finished in time and without an error of Kafka or the network."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except (KafkaError, TimeoutError, OSError):
        return False
    return True


def _retrieve_exception(future: asyncio.Future[Any]) -> None:
    """Retrieve the exception of a future that may not be awaited any more, so that asyncio does not report it."""
    if not future.cancelled():
        future.exception()
