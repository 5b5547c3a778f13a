"""Expansion of request records: many small records concurrently, the parts of one request in order.

The expansion of a small request mostly waits, for a few journaled writes and for Kafka. One record at a time would be
some tens of requests a second. Large records wait for each other, and small ones pass them.
"""

import asyncio
import contextlib
from functools import partial
from typing import Protocol

from consumer.context import ConsumerContext
from consumer.expand.decode import unprocessable_rejection
from consumer.expand.expand import expand
from consumer.expand.large_records import LARGE_BYTES, LargeRecords
from consumer.expand.reject import reject_record
from consumer.flow_control.circuit_breaker import CircuitOpen
from consumer.kafka.offset_tracker import TrackedRecord
from consumer.kafka.record import KafkaRecord
from consumer.logger import error_location, logger
from consumer.monitoring.readiness import EXPAND

MAX_CONCURRENT_RECORDS = 32
"""Maximum number of records of a topic that are expanded or wait for it. Half of them at most are large."""
MAX_TRIES = 3
"""Maximum number of expansions of a record that causes internal errors."""


class ExpandRecord(Protocol):
    """Expansion of one record, as `expand` does it."""

    async def __call__(
        self, record: KafkaRecord, cluster: str, context: ConsumerContext, *, isolate_failures: bool = False
    ) -> None:
        """Expand one record. Its offset may be committed when this returns."""


class ExpansionQueue:
    """Queue of one intake topic. An offset is committed when its record and all earlier ones are done (I1)."""

    def __init__(
        self,
        cluster: str,
        context: ConsumerContext,
        expand_record: ExpandRecord = expand,
    ) -> None:
        self._cluster, self._context = cluster, context
        self._expand_record = expand_record
        self._at_work: set[asyncio.Task[None]] = set()
        self._large = LargeRecords()
        self._last_tasks: dict[bytes, asyncio.Task[None]] = {}
        """Newest running task by ordering key."""
        self._stopped_by_breaker = False

    async def submit(self, record: KafkaRecord, tracked: TrackedRecord) -> None:
        """Start the expansion of a record as soon as there is room. After the circuit breaker opened, start none."""
        size = record.size
        is_large = size > LARGE_BYTES
        while self._at_work and not self._stopped_by_breaker and not self._has_room(size, is_large=is_large):
            await asyncio.wait(self._at_work, return_when=asyncio.FIRST_COMPLETED)
        if self._stopped_by_breaker:
            await self._context.stopping.wait()
        if self._context.stopping.is_set():
            return
        order = ordering_key(record)
        task = asyncio.create_task(self._expand(record, tracked, self._last_tasks.get(order), is_large=is_large))
        self._at_work.add(task)
        if order:
            self._last_tasks[order] = task
        task.add_done_callback(partial(self._done, order))
        if is_large:
            self._large.read(size)
            task.add_done_callback(lambda _: self._large.done(size))

    def _has_room(self, size: int, *, is_large: bool) -> bool:
        return len(self._at_work) < MAX_CONCURRENT_RECORDS and (not is_large or self._large.has_room(size))

    async def _expand(
        self, record: KafkaRecord, tracked: TrackedRecord, previous: asyncio.Task[None] | None, *, is_large: bool
    ) -> None:
        context, readiness = self._context, self._context.readiness
        with readiness.working_on(EXPAND, record.topic), readiness.stepping_over(record.origin, record.unparsed):
            if previous:
                await asyncio.wait((previous,))
            async with self._large.expanding(record.size) if is_large else contextlib.nullcontext():
                if self._stopped_by_breaker or not tracked.is_current:
                    return
                if await expand_or_reject(record, self._cluster, context, self._expand_record):
                    tracked.mark_done()
                else:
                    self._stopped_by_breaker = True

    def _done(self, order: bytes, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        if self._last_tasks.get(order) is task:
            del self._last_tasks[order]
        if not task.cancelled() and (error := task.exception()):
            logger.error("expansion failed", error=type(error).__name__, location=error_location(error))

    async def drain(self, seconds: float) -> None:
        """Wait for the running expansions, then cancel the rest. Kafka delivers their records again."""
        if self._at_work:
            _, late = await asyncio.wait(self._at_work, timeout=seconds)
            for task in late:
                task.cancel()


def ordering_key(record: KafkaRecord) -> bytes:
    """Return a key that all records share that must be expanded one after the other. Empty means any order.

    The parts of a request have one record key, the request id. Records without a key are ordered if they are parts.
    """
    if record.key:
        return record.key
    return b"part" if b'"part"' in (record.value or b"") else b""


async def expand_or_reject(
    record: KafkaRecord, cluster: str, context: ConsumerContext, expand_record: ExpandRecord = expand
) -> bool:
    """Expand or reject a record. Return False if the circuit breaker opened: the record waits, its topic is paused."""
    try:
        await _expand_with_retries(record, cluster, context, expand_record)
    except CircuitOpen as error:
        logger.error("intake paused", topic=record.topic, origin=record.origin, reason=str(error))
        context.metrics.held.labels(record.topic).set(1)
        context.readiness.intake_paused(record.topic, str(error))
        return False
    context.circuit_breaker.record_done(record.topic, record.origin)
    return True


async def _expand_with_retries(
    record: KafkaRecord, cluster: str, context: ConsumerContext, expand_record: ExpandRecord
) -> None:
    """Expand a record in at most MAX_TRIES tries, then reject it, so that the partition moves on.

    In the last try only the recipients that cause internal errors fail.
    """
    for attempt in range(1, MAX_TRIES + 1):
        try:
            await expand_record(record, cluster, context, isolate_failures=attempt == MAX_TRIES)
        except CircuitOpen:
            raise
        except Exception as error:  # noqa: BLE001  # raising here would leave the record, and all after it, uncommitted
            fields = {"error": type(error).__name__, "location": error_location(error), "attempt": attempt}
            logger.error("expansion failed", origin=record.origin, **fields)
        else:
            return
    await reject_record(record, unprocessable_rejection(record), context)
