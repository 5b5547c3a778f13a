"""Background jobs over the ledger, in every consumer process (docs/protocol.md, I8)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from config.memory_allocator import give_back_freed_memory
from consumer.context import ConsumerContext
from consumer.deliver.claim_chunks import OUTAGE_GRACE_SECONDS, Claimer, LeasedChunk
from consumer.deliver.deliver import deliver
from consumer.flow_control.slots import SlotKey, WorkerSlots
from consumer.logger import error_location, logger
from consumer.sweep.erasure_job import ErasureJob
from consumer.sweep.kept_receipts import KeptReceiptRetries
from consumer.sweep.retention_batches import DEFAULT_BATCH_SIZES, BatchSizes, RetentionJob
from consumer.sweep.tenant_resealing import TenantResealing
from consumer.sweep.unfinished_requests import UnfinishedRequests
from ledger.chunk_port import DueKind
from ledger.errors import LedgerUnavailable

MAINTENANCE_INTERVAL_SECONDS = 1.0
"""Average time between two rounds of all jobs but the claims of due chunks, in seconds."""
MAX_CONCURRENT_CLAIMS = 8
"""Maximum number of concurrent claims for each lane and channel while many chunks are due. They share commands."""
PING_SECONDS = 5.0
"""Minimum time between two pings of MongoDB, in seconds. A ping also reads the clock of the server."""
BACKLOG_SECONDS = 10.0
"""Minimum time between two counts of the open chunks, in seconds."""


class SweepIntervals(NamedTuple):
    """Average time between two searches for chunks of one lane and channel, in seconds."""

    due: float = 0.35
    """For deferred chunks. Delivery starts within a second of the due date, also after the longest pause."""
    never_claimed: float = MAINTENANCE_INTERVAL_SECONDS
    """For chunks that no consumer has claimed yet."""


DEFAULT_INTERVALS = SweepIntervals()


class Sweeper:
    """Claims due and unclaimed chunks, and runs the jobs for unfinished requests, retention, erasures and sealing keys.

    Due chunks use slots of their own. Unclaimed chunks use the slots of the wake-up messages.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # Two kinds of slots, and tuning that only tests change.
        self,
        context: ConsumerContext,
        claimer: Claimer,
        slots: Mapping[SlotKey, WorkerSlots],
        wake_up_slots: Mapping[SlotKey, WorkerSlots],
        intervals: SweepIntervals = DEFAULT_INTERVALS,
        batch_sizes: BatchSizes = DEFAULT_BATCH_SIZES,
    ) -> None:
        self._context, self._claimer, self._intervals = context, claimer, intervals
        self._slots, self._wake_up_slots = slots, wake_up_slots
        self._unfinished_requests = UnfinishedRequests(context)
        self._retention = RetentionJob(context, batch_sizes)
        self._resealing = TenantResealing(context)
        self._kept_receipts = KeptReceiptRetries(context)
        self._erasures = ErasureJob(context)
        self._pinged_at = self._counted_at = float("-inf")

    async def run(self) -> None:
        """Run all jobs until the process stops.

        Each lane and channel has a loop of its own, so due chunks wait for nothing else. One search tells all loops
        whether there is something to claim. Otherwise each idle consumer would ask MongoDB twenty times a second.
        """
        found = {(*kind, fresh): asyncio.Event() for kind in self._slots for fresh in (False, True)}
        due = [
            self._run_periodically(0, partial(self.claim_due_chunks, kind), when=found[*kind, False])
            for kind in self._slots
        ]
        seconds = self._intervals.never_claimed
        unclaimed = [
            self._run_periodically(seconds, partial(self.claim_unclaimed_chunks, kind), when=found[*kind, True])
            for kind in self._wake_up_slots
        ]
        searching = self._run_periodically(self._intervals.due, partial(self._find_due, found))
        maintenance = (
            self._ping,
            self._unfinished_requests.check_next,
            self._retention.run_batch,
            self._measure_backlog,
            self._resealing.run_batch,
            self._kept_receipts.start_round,
            _give_back_memory,
        )
        erasing = self._run_periodically(MAINTENANCE_INTERVAL_SECONDS, self._erasures.run_pass)
        try:
            maintaining = self._run_periodically(MAINTENANCE_INTERVAL_SECONDS, *maintenance)
            await asyncio.gather(*due, *unclaimed, searching, maintaining, erasing)
        finally:
            try:
                await self._unfinished_requests.stop()
            finally:
                await self._kept_receipts.stop()

    async def _run_periodically(
        self, seconds: float, *steps: Callable[[], Awaitable[None]], when: asyncio.Event | None = None
    ) -> None:
        """Run the steps again and again with this time between them on average. With `when`, wait for it each time."""
        context = self._context
        stopped = asyncio.create_task(context.stopping.wait())
        try:
            while not stopped.done():
                if when and not await _is_set(when, stopped):
                    break
                try:
                    for step in steps:
                        await self._run_isolated(step)
                except LedgerUnavailable as error:
                    logger.warning("sweeper paused", reason=str(error))
                    await context.sleep(OUTAGE_GRACE_SECONDS)
                await asyncio.wait((stopped,), timeout=seconds * (0.5 + context.random()))
        finally:
            stopped.cancel()

    async def _run_isolated(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run a step. Log an error of it, such as a document of a newer version, because the other jobs must go on."""
        try:
            await step()
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # No error of one job may end the others.
            logger.error("sweeper job failed", error=type(error).__name__, location=error_location(error))

    async def _ping(self) -> None:
        now = self._context.monotonic()
        if now - self._pinged_at >= PING_SECONDS:
            await self._context.ledger.ping()
            self._context.readiness.ledger_answered()
            self._pinged_at = now

    async def _find_due(self, found: Mapping[DueKind, asyncio.Event]) -> None:
        kinds = await self._claimer.find_due()
        self._context.readiness.ledger_answered()
        for kind in kinds:
            found[kind].set()

    async def claim_due_chunks(self, kind: SlotKey) -> None:
        """Claim chunks that are due: retries, send_at, ended leases.

        While every claim finds a chunk, double the number of concurrent claims.
        """
        concurrent = 1
        while all(await asyncio.gather(*(self._start_due(kind) for _ in range(concurrent)))):
            concurrent = min(concurrent * 2, MAX_CONCURRENT_CLAIMS)

    async def _start_due(self, kind: SlotKey) -> bool:
        return await self._start(self._slots[kind], partial(self._claimer.claim_due, kind))

    async def claim_unclaimed_chunks(self, kind: SlotKey) -> None:
        """Claim chunks that were never claimed.

        Their wake-up message was lost, or the request was paused when it arrived. Claim one chunk per round, and more
        while no wake-up message waits for a slot. A waiting message may name the same chunk.
        """
        slots = self._wake_up_slots[kind]
        while (
            await self._start(slots, partial(self._claimer.claim_due, kind, never_claimed=True))
            and not slots.has_waiters
        ):
            pass

    async def _start(self, slots: WorkerSlots, claim: Callable[[], Awaitable[LeasedChunk | None]]) -> bool:
        """Claim and deliver a chunk as soon as a slot is free. Return whether there was a chunk."""
        await slots.acquire()
        if self._context.stopping.is_set():
            slots.release()
            return False
        leased = await slots.run_claim(claim())
        if leased is None:
            return False
        slots.start(deliver(leased, self._context))
        return True

    async def _measure_backlog(self) -> None:
        now = self._context.monotonic()
        if now - self._counted_at >= BACKLOG_SECONDS:
            self._counted_at = now
            for lane, number in (await self._context.ledger.chunks.count_open_by_lane()).items():
                self._context.metrics.backlog.labels(lane.value).set(number)


async def _is_set(event: asyncio.Event, stopped: asyncio.Task[Any]) -> bool:
    """Wait for an event, and clear it. Return False if the process stops first."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait((waiting, stopped), return_when=asyncio.FIRST_COMPLETED)
        event.clear()
        return not stopped.done()
    finally:
        waiting.cancel()


async def _give_back_memory() -> None:
    give_back_freed_memory()
