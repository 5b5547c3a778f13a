"""Sweep: whatever waits in the ledger is found here, by any process (docs/protocol.md; I8)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import NamedTuple

from consumer.context import Tools
from consumer.deliver.claim import AFTER_OUTAGE_SECONDS, Claimer, Taken
from consumer.deliver.deliver import deliver
from consumer.flow_control.slots import Kind, Slots
from consumer.logger import log, where
from consumer.request_lifecycle import announce, complete, mark
from consumer.sweep.retention import DEFAULT_BATCH_SIZES, BatchSizes, Retention
from core.ids import RequestKey
from ledger.errors import LedgerUnavailable
from ledger.models import StoredRequest

CARE_SECONDS = 1.0
"""How often all the rest is done."""
MOST_ASKING = 4
"""How many claims of a kind are under way at once while there is much that is due."""
IDLE_SECONDS = 10.0
"""How long a request is left alone between two looks at it."""
BACKLOG_SECONDS = 10.0
ROUND = 64
"""How many requests one round takes at most: what else has to be cared for waits for them."""
CARES = 8
"""How many requests are looked after at a time: one whose events nobody takes must not keep the others."""


class Periods(NamedTuple):
    """How often each channel of a lane is asked for chunks, on average, in seconds."""

    due: float = 0.25
    """Deferred ones: what is due starts within a second."""
    strays: float = CARE_SECONDS


DEFAULT_PERIODS = Periods()


class Sweeper:
    """Claims deferred chunks into slots kept for that, strays into the ordinary ones; cares for unfinished requests."""

    def __init__(  # noqa: PLR0913, PLR0917  # two kinds of slots, and tuning that only tests change
        self,
        tools: Tools,
        claimer: Claimer,
        slots: Mapping[Kind, Slots],
        ordinary: Mapping[Kind, Slots],
        periods: Periods = DEFAULT_PERIODS,
        batch_sizes: BatchSizes = DEFAULT_BATCH_SIZES,
    ) -> None:
        self._tools, self._claimer, self._periods = tools, claimer, periods
        self._slots, self._ordinary = slots, ordinary
        self._retention = Retention(tools, batch_sizes)
        self._counted_at = float("-inf")
        self._cares = Slots(CARES)
        self._in_care: set[RequestKey] = set()

    async def run(self) -> None:
        """Sweep until the process stops: each kind by itself, so that due chunks wait for nothing else."""
        due = [self._repeat(self._periods.due, partial(self.due_chunks, kind)) for kind in self._slots]
        strays = [self._repeat(self._periods.strays, partial(self.strays, kind)) for kind in self._ordinary]
        cares = (self._ping, self.unfinished_requests, self._retention.step, self._backlog)
        try:
            await asyncio.gather(*due, *strays, self._repeat(CARE_SECONDS, *cares))
        finally:
            await self._cares.drain(0)  # each may wait for Kafka for ever, and the ledger is closed next

    async def _repeat(self, seconds: float, *steps: Callable[[], Awaitable[None]]) -> None:
        tools = self._tools
        stopped = asyncio.create_task(tools.stopping.wait())
        try:
            while not stopped.done():
                try:
                    for step in steps:
                        await self._guarded(step)
                except LedgerUnavailable as error:
                    log.warning("the sweeper waits", because=str(error))
                    await tools.sleep(AFTER_OUTAGE_SECONDS)
                await asyncio.wait((stopped,), timeout=seconds * (0.5 + tools.random()))
        finally:
            stopped.cancel()

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        """What one document, written by a newer version perhaps, does to a step must not end all sweeping."""
        try:
            await step()
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the others go on
            log.error("sweeping failed", error=type(error).__name__, where=where(error))

    async def _ping(self) -> None:
        await self._tools.ledger.ping()
        self._tools.progress.ledger_answered()

    async def due_chunks(self, kind: Kind) -> None:
        """Start on what is due: retries, send_at, lapsed leases.

        While all that ask find something, more of them ask.
        """
        asking = 1
        while all(await asyncio.gather(*(self._start_due(kind) for _ in range(asking)))):
            asking = min(asking * 2, MOST_ASKING)

    async def _start_due(self, kind: Kind) -> bool:
        return await self._start(self._slots[kind], partial(self._claimer.due, kind))

    async def strays(self, kind: Kind) -> None:
        """Start on what no wake-up call brought, as if one had: it is lost, or the request was paused then.

        One at least, in line with the calls; more of them while no call waits, which may name the same chunk.
        """
        slots = self._ordinary[kind]
        while await self._start(slots, partial(self._claimer.due, kind, fresh=True)) and not slots.awaited:
            pass

    async def _start(self, slots: Slots, claim: Callable[[], Awaitable[Taken | None]]) -> bool:
        """Start on what is claimed as soon as a slot is free; whether there was something."""
        await slots.wait()
        if self._tools.stopping.is_set():
            slots.give_back()
            return False
        taken = await slots.use_for(claim())
        if taken is None:
            return False
        slots.start(deliver(taken, self._tools))
        return True

    async def unfinished_requests(self) -> None:
        """Finish what nobody finished: completions, their events, parts that never came."""
        for _ in range(ROUND):
            if self._cares.full:
                return
            found = await self._tools.ledger.requests.take_unfinished(idle_seconds=IDLE_SECONDS, limit=1)
            if not found:
                return
            if found[0].header.key not in self._in_care:
                await self._cares.wait()
                self._cares.start(self._care(found[0]))

    async def _care(self, request: StoredRequest) -> None:
        key = request.header.key
        self._in_care.add(key)
        try:
            await self.look_after(request)
        finally:
            self._in_care.discard(key)

    async def look_after(self, request: StoredRequest) -> None:
        """One unfinished request."""
        if request.completion:
            await announce(request, self._tools)
            return
        await mark(request.header.key, request.control_flags, self._tools)
        if request.all_parts_expanded:
            await complete(request.header.key, self._tools, request)
        elif await self._overdue(request):
            await self._cut(request)
            await complete(request.header.key, self._tools)

    async def _cut(self, request: StoredRequest) -> None:
        """Wait no more for parts that never came, nor for those begun whose record was given up or is gone."""
        tools, requests, key = self._tools, self._tools.ledger.requests, request.header.key
        if await tools.lasting(lambda: requests.close_intake(key), "cut"):
            log.warning("request cut: a part never came", request_id=request.header.request_id)
        if given_up := await tools.lasting(lambda: requests.write_off_lost_parts(key), "give up"):
            lost = sorted(given_up.lost_parts)
            log.warning("request cut: parts begun are lost", request_id=request.header.request_id, parts=lost)

    async def _overdue(self, request: StoredRequest) -> bool:
        """Whether a part is missing for too long, and is not just waiting in the intake."""
        tools, head = self._tools, request.header
        if request.begun_at is None:
            return False
        waited = (tools.ledger.now() - request.begun_at).total_seconds()
        if waited < tools.limits.part_timeout_seconds:
            return False
        lag = await tools.lasting(lambda: tools.bus.lag(head.intake_topic, head.intake_partition), "ask for the lag")
        return lag == 0

    async def _backlog(self) -> None:
        now = self._tools.monotonic()
        if now - self._counted_at >= BACKLOG_SECONDS:
            self._counted_at = now
            for lane, number in (await self._tools.ledger.chunks.count_open_by_lane()).items():
                self._tools.metrics.backlog.labels(lane.value).set(number)
