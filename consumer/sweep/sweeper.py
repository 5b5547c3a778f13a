"""Sweep: whatever waits in the ledger is found here, by any process (docs/protocol.md; I8)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.deliver.claim import OUTAGE_GRACE_SECONDS, Claimer, LeasedChunk
from consumer.deliver.deliver import deliver
from consumer.flow_control.slots import SlotKey, WorkerSlots
from consumer.logger import error_location, logger
from consumer.sweep.retention import DEFAULT_BATCH_SIZES, BatchSizes, RetentionJob
from consumer.sweep.unfinished_requests import UnfinishedRequests
from ledger.errors import LedgerUnavailable

MAINTENANCE_INTERVAL_SECONDS = 1.0
"""How often all the rest is done."""
MAX_CONCURRENT_CLAIMS = 4
"""How many claims of a kind are under way at once while there is much that is due."""
BACKLOG_SECONDS = 10.0


class SweepIntervals(NamedTuple):
    """How often each channel of a lane is asked for chunks, on average, in seconds."""

    due: float = 0.25
    """Deferred ones: what is due starts within a second."""
    strays: float = MAINTENANCE_INTERVAL_SECONDS


DEFAULT_INTERVALS = SweepIntervals()


class Sweeper:
    """Claims deferred chunks into slots kept for that, strays into the ordinary ones; cares for unfinished requests."""

    def __init__(  # noqa: PLR0913, PLR0917  # two kinds of slots, and tuning that only tests change
        self,
        context: ConsumerContext,
        claimer: Claimer,
        slots: Mapping[SlotKey, WorkerSlots],
        ordinary: Mapping[SlotKey, WorkerSlots],
        periods: SweepIntervals = DEFAULT_INTERVALS,
        batch_sizes: BatchSizes = DEFAULT_BATCH_SIZES,
    ) -> None:
        self._context, self._claimer, self._periods = context, claimer, periods
        self._slots, self._wake_up_slots = slots, ordinary
        self._unfinished_requests = UnfinishedRequests(context)
        self._retention = RetentionJob(context, batch_sizes)
        self._counted_at = float("-inf")

    async def run(self) -> None:
        """Sweep until the process stops: each kind by itself, so that due chunks wait for nothing else."""
        due = [self._run_periodically(self._periods.due, partial(self.claim_due_chunks, kind)) for kind in self._slots]
        strays = [
            self._run_periodically(self._periods.strays, partial(self.claim_unclaimed_chunks, kind))
            for kind in self._wake_up_slots
        ]
        cares = (self._ping, self._unfinished_requests.check_next, self._retention.run_batch, self._backlog)
        try:
            await asyncio.gather(*due, *strays, self._run_periodically(MAINTENANCE_INTERVAL_SECONDS, *cares))
        finally:
            await self._unfinished_requests.stop()

    async def _run_periodically(self, seconds: float, *steps: Callable[[], Awaitable[None]]) -> None:
        context = self._context
        stopped = asyncio.create_task(context.stopping.wait())
        try:
            while not stopped.done():
                try:
                    for step in steps:
                        await self._run_isolated(step)
                except LedgerUnavailable as error:
                    logger.warning("the sweeper waits", because=str(error))
                    await context.sleep(OUTAGE_GRACE_SECONDS)
                await asyncio.wait((stopped,), timeout=seconds * (0.5 + context.random()))
        finally:
            stopped.cancel()

    async def _run_isolated(self, step: Callable[[], Awaitable[None]]) -> None:
        """What one document, written by a newer version perhaps, does to a step must not end all sweeping."""
        try:
            await step()
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the others go on
            logger.error("sweeping failed", error=type(error).__name__, where=error_location(error))

    async def _ping(self) -> None:
        await self._context.ledger.ping()
        self._context.readiness.ledger_answered()

    async def claim_due_chunks(self, kind: SlotKey) -> None:
        """Start on what is due: retries, send_at, lapsed leases.

        While all that ask find something, more of them ask.
        """
        asking = 1
        while all(await asyncio.gather(*(self._start_due(kind) for _ in range(asking)))):
            asking = min(asking * 2, MAX_CONCURRENT_CLAIMS)

    async def _start_due(self, kind: SlotKey) -> bool:
        return await self._start(self._slots[kind], partial(self._claimer.claim_due, kind))

    async def claim_unclaimed_chunks(self, kind: SlotKey) -> None:
        """Start on what no wake-up call brought, as if one had: it is lost, or the request was paused then.

        One at least, in line with the calls; more of them while no call waits, which may name the same chunk.
        """
        slots = self._wake_up_slots[kind]
        while (
            await self._start(slots, partial(self._claimer.claim_due, kind, never_claimed=True))
            and not slots.has_waiters
        ):
            pass

    async def _start(self, slots: WorkerSlots, claim: Callable[[], Awaitable[LeasedChunk | None]]) -> bool:
        """Start on what is claimed as soon as a slot is free; whether there was something."""
        await slots.acquire()
        if self._context.stopping.is_set():
            slots.release()
            return False
        leased = await slots.run_claim(claim())
        if leased is None:
            return False
        slots.start(deliver(leased, self._context))
        return True

    async def _backlog(self) -> None:
        now = self._context.monotonic()
        if now - self._counted_at >= BACKLOG_SECONDS:
            self._counted_at = now
            for lane, number in (await self._context.ledger.chunks.count_open_by_lane()).items():
                self._context.metrics.backlog.labels(lane.value).set(number)
