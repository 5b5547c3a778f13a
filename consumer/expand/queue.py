"""Requests on their way from an intake topic into the ledger: many small ones at a time, the parts of one in order.

Expanding a small request is waiting: for a few writes with their journal, and for Kafka. One at a time would be some
tens of requests a second.
"""

import asyncio
from functools import partial

from consumer.context import ConsumerContext
from consumer.expand.decode import unprocessable_rejection
from consumer.expand.expand import expand
from consumer.expand.reject import reject_record
from consumer.flow_control.circuit_breaker import CircuitOpen
from consumer.kafka.offset_tracker import CommitOffset, OffsetTracker, TrackedRecord
from consumer.kafka.record import KafkaRecord
from consumer.logger import error_location, logger
from consumer.monitoring.readiness import EXPAND

MAX_CONCURRENT_RECORDS = 16
"""How many records of a topic are expanded at a time."""
MAX_CONCURRENT_BYTES = 256 * 1024
"""How many bytes of them: what is large keeps a core busy, and is expanded alone."""
MAX_TRIES = 3


class ExpansionQueue:
    """Of one intake topic. A record is committed when it, and every one before it, is dealt with (I1)."""

    def __init__(self, cluster: str, reading: OffsetTracker, context: ConsumerContext) -> None:
        self._cluster, self._reading, self._context = cluster, reading, context
        self._at_work: dict[asyncio.Task[None], int] = {}
        """With the bytes of its record."""
        self._last: dict[bytes, asyncio.Task[None]] = {}
        self._stopped_by_breaker = False

    async def submit(self, record: KafkaRecord, commit: CommitOffset) -> None:
        """Begin to expand a record as soon as there is room; none after one that was too much poison."""
        read, size = self._reading.start(record, commit), len(record.value or b"")
        while self._at_work and not self._stopped_by_breaker and not self._has_room(size):
            await asyncio.wait(self._at_work, return_when=asyncio.FIRST_COMPLETED)
        if self._stopped_by_breaker:
            await self._context.stopping.wait()
        if self._context.stopping.is_set():
            return
        order = ordering_key(record)
        task = asyncio.create_task(self._expand(read, self._last.get(order)))
        self._at_work[task] = size
        if order:
            self._last[order] = task
        task.add_done_callback(partial(self._done, order))

    def _has_room(self, size: int) -> bool:
        return (
            len(self._at_work) < MAX_CONCURRENT_RECORDS and sum(self._at_work.values()) + size <= MAX_CONCURRENT_BYTES
        )

    async def _expand(self, read: TrackedRecord, before: asyncio.Task[None] | None) -> None:
        record, context = read.record, self._context
        with context.readiness.working_on(EXPAND, record.topic):
            if before:
                await asyncio.wait((before,))
            if self._stopped_by_breaker or not read.is_current:
                return
            if await expand_or_reject(record, self._cluster, context):
                read.mark_done()
            else:
                self._stopped_by_breaker = True

    def _done(self, order: bytes, task: asyncio.Task[None]) -> None:
        del self._at_work[task]
        if self._last.get(order) is task:
            del self._last[order]
        if not task.cancelled() and (error := task.exception()):
            logger.error("expanding failed", error=type(error).__name__, where=error_location(error))

    async def drain(self, seconds: float) -> None:
        """Wait for what is under way, for so many seconds at most; the rest comes again."""
        if self._at_work:
            _, late = await asyncio.wait(self._at_work, timeout=seconds)
            for task in late:
                task.cancel()


def ordering_key(record: KafkaRecord) -> bytes:
    """Records that answer alike are expanded one after the other; an empty answer: in any order.

    The parts of a request have one key, its id. A record without a key is in order with others if it is a part.
    """
    if record.key:
        return record.key
    return b"part" if b'"part"' in (record.value or b"") else b""


async def expand_or_reject(record: KafkaRecord, cluster: str, context: ConsumerContext) -> bool:
    """Expand or refuse; False: that would be too much poison, so that the record waits and its topic is held."""
    try:
        await _expand(record, cluster, context)
    except CircuitOpen as flood:
        logger.error("intake held", topic=record.topic, origin=record.origin, because=str(flood))
        context.metrics.held.labels(record.topic).set(1)
        context.readiness.intake_paused(record.topic, str(flood))
        return False
    context.circuit_breaker.record_done(record.topic, record.origin)
    return True


async def _expand(record: KafkaRecord, cluster: str, context: ConsumerContext) -> None:
    """Expand; what meets a fault of ours again and again is kept in the dead letters, and the partition moves on.

    The last try gives up only the recipients that meet it.
    """
    for attempt in range(1, MAX_TRIES + 1):
        try:
            await expand(record, cluster, context, isolate_failures=attempt == MAX_TRIES)
        except CircuitOpen:
            raise
        except Exception as error:  # noqa: BLE001  # raising here would leave the record, and all after it, uncommitted
            said = {"error": type(error).__name__, "where": error_location(error), "attempt": attempt}
            logger.error("expanding failed", origin=record.origin, **said)
        else:
            return
    await reject_record(record, unprocessable_rejection(record), context)
