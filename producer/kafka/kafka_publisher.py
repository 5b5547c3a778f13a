"""The publisher on Kafka. It keeps a connection by itself: away at the start, lost and back, or moved.

Not an idempotent producer: docs/decisions/0003-the-http-service.md says why.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Collection, Sequence
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, RequestTimedOutError

from config.logging_setup import describe
from core.publish_watchdog import PublishWatchdog
from core.request_parts import EncodedPart
from producer.kafka.publisher import PublishError, PublishingStalledError, TopicsMissingError
from producer.settings import ProducerSettings

PUBLISH_SECONDS = 4.5
"""How long a call waits for Kafka; the rest of its five seconds is for the answer."""
REQUEST_MS = 4_000
"""How long aiokafka tries a record: it gives up before the call does, so that little is sent after a 503."""
PROBE_SECONDS = 2.0
"""How often Kafka is asked whether it is there, and how long it has to answer."""
AWAY_AFTER = 2
"""So many probes in a row without an answer, and calls are refused at once; a single one may be Kafka's bad moment."""
REPLACE_AFTER = 10
"""So many probes in a row without an answer, and the connection is made anew, from the bootstrap addresses."""
WEDGED_SECONDS = 30.0
"""How long nothing that is published may be taken, while Kafka answers, before this process is given up."""
STOP_SECONDS = 2.5
BATCH_BYTES = 256 * 1024

_SILENCE = (KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError, TimeoutError)

T = TypeVar("T")
_log = structlog.get_logger()


class KafkaPublisher:
    """Publishes with acks=all, or says in time that it could not."""

    def __init__(self, settings: ProducerSettings, *, wedged_seconds: float = WEDGED_SECONDS) -> None:
        self._options = settings.kafka_options()
        self._needed = (settings.topics.requests, settings.topics.requests_express)
        self._producer: AIOKafkaProducer | None = None
        self._trouble: str | None = "not connected yet"
        self._keeper: asyncio.Task[None] | None = None
        self._wedge = PublishWatchdog(wedged_seconds, time.monotonic)
        self._failed: TopicsMissingError | PublishingStalledError | None = None
        self._has_failed = asyncio.Event()
        self._was_ready = self._was_incomplete = False

    async def start(self) -> None:
        """Begin to connect."""
        self._keeper = asyncio.create_task(self._keep())

    def problem(self) -> str | None:
        """Why nothing can be published now."""
        return self._trouble or ("Kafka takes nothing of what is published" if self._wedge.is_stalled else None)

    async def wait_failed(self) -> TopicsMissingError | PublishingStalledError:
        """Wait until it is known that topics are missing, or that this process cannot publish any more."""
        await self._has_failed.wait()
        return self._failed or TopicsMissingError(self._needed)

    async def publish(self, topic: str, parts: Sequence[EncodedPart]) -> None:
        """Hand over all parts in their order, then wait for all acknowledgements."""
        producer = self._producer
        if producer is None or self._trouble:
            raise PublishError(handed_over=False)
        waiting: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                for part in parts:
                    # One partition, one request in flight: a retry does not overtake.
                    waiting.append(await producer.send(topic, part.value, part.key))
                    waiting[-1].add_done_callback(_retrieve)
                await asyncio.gather(*waiting)
        except (KafkaError, TimeoutError) as error:
            if isinstance(error, _SILENCE):
                self._wedge.publish_timed_out()
            else:
                self._wedge.publish_answered()
            _log.warning("not published", error=type(error).__name__, parts=len(parts), handed_over=len(waiting))
            raise PublishError(handed_over=bool(waiting)) from None
        self._wedge.publish_answered()

    async def stop(self) -> None:
        """Let go of Kafka."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper

    async def _keep(self) -> None:
        """Connect, watch, and connect anew when the connection is dead for good."""
        while True:
            try:
                async with self._connected() as producer:
                    await self._watch(producer)
            except Exception as error:  # noqa: BLE001  # a fault in the client must not leave the service deaf for ever
                _log.error("connection to Kafka failed", fault=describe(error))  # its words may quote
                await asyncio.sleep(PROBE_SECONDS)

    async def _watch(self, producer: AIOKafkaProducer) -> None:
        """Ask for the topics again and again, until nobody has answered for long."""
        silent = 0
        while silent < REPLACE_AFTER:
            known = await _topics(producer)
            self._wedge.ping_finished(answered=known is not None)
            self._give_up_if_wedged(producer)
            silent = 0 if known is not None else silent + 1
            if known is not None:
                self._compare(known)
            elif silent >= AWAY_AFTER:
                self._say("Kafka does not answer")
            await asyncio.sleep(PROBE_SECONDS)

    def _give_up_if_wedged(self, producer: AIOKafkaProducer) -> None:
        """End the process where its client will not publish any more: nothing else than a new one helps."""
        sender: Any = producer._sender  # noqa: SLF001  # no other way to ask
        if sender.sender_task.done():
            self._fail(PublishingStalledError("the sender of Kafka's client has ended"))
        elif self._wedge.is_dead:
            self._fail(PublishingStalledError("Kafka answers, and takes nothing that this process publishes"))

    def _fail(self, error: TopicsMissingError | PublishingStalledError) -> None:
        self._failed = error
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
            self._producer, self._trouble = None, "not connected"
            if not await _bounded(producer.stop(), STOP_SECONDS):
                await _bounded(producer.client.close(), STOP_SECONDS)

    async def _connect(self) -> AIOKafkaProducer | None:
        producer = AIOKafkaProducer(
            **self._options,
            acks="all",
            # A part of 900 KB costs 1.4 ms and leaves 30 KB; aiokafka's lz4 is at level 9: 20 ms, 140 KB. It is
            # compressed on the event loop, so that everybody waits for it.
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_MS,
        )
        if await _bounded(producer.start(), 2 * PROBE_SECONDS):
            return producer
        await _bounded(producer.stop(), STOP_SECONDS)
        self._say("Kafka does not answer")
        return None

    def _compare(self, known: Collection[str]) -> None:
        """Note what is missing among the topics that Kafka knows; twice in a row at the start is for good."""
        missing = [name for name in self._needed if name not in known]
        self._say(f"topics are missing: {', '.join(missing)}" if missing else None)
        self._was_ready = self._was_ready or not missing
        # Topics that vanish under a running service are its operator's to mend: it waits for them.
        if missing and not self._was_ready:
            if self._was_incomplete:
                self._fail(TopicsMissingError(missing))
            self._was_incomplete = True

    def _say(self, trouble: str | None) -> None:
        if trouble != self._trouble:
            _log.info("kafka", ready=trouble is None, trouble=trouble, variable="ROLLCALL_KAFKA_BOOTSTRAP")
        self._trouble = trouble


async def _topics(producer: AIOKafkaProducer) -> Collection[str] | None:
    """The topics that Kafka knows; None: it does not answer."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            known: Collection[str] = (await producer.client.fetch_all_metadata()).topics()
    except (KafkaError, TimeoutError, OSError):
        return None
    return known


async def _bounded(work: Awaitable[T], seconds: float) -> bool:
    """Whether the work was done in time and without a Kafka error."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except (KafkaError, TimeoutError, OSError):
        return False
    return True


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Look at the outcome of what nobody awaits any more, so that it is not reported as forgotten."""
    if not future.cancelled():
        future.exception()
