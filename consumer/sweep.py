"""Sweep: whatever waits in the ledger is found here, by any process (docs/protocol.md; I8)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from consumer.complete import announce, complete
from consumer.deliver import Claimer, deliver
from consumer.marks import mark
from consumer.retention import Retention
from consumer.slots import Slots
from consumer.tools import Tools, log, where
from core.ids import RequestKey
from ledger.errors import LedgerUnavailable
from ledger.values import Request
from schemas.statuses import Lane

POLL_SECONDS = 0.4
"""How often due chunks are looked for: what is due starts within a second."""
IDLE_SECONDS = 10.0
"""How long a request is left alone between two looks at it."""
BACKLOG_SECONDS = 10.0
ROUND = 64
"""How many chunks of a lane, and how many requests, one round takes at most: each waits for the others."""
CARES = 8
"""How many requests are looked after at a time: one whose events nobody takes must not keep the others."""
AFTER_OUTAGE_SECONDS = 2.0
"""A worker that waited for MongoDB writes what it knows first; only then are its chunks taken over."""


class Sweeper:
    """Claims due chunks into slots kept for that, and looks after unfinished requests."""

    def __init__(self, tools: Tools, claimer: Claimer, slots: Mapping[Lane, Slots]) -> None:
        self._tools, self._claimer, self._slots = tools, claimer, slots
        self._steps = (self._ping, self.due_chunks, self.unfinished_requests, Retention(tools).step, self._backlog)
        self._counted_at = float("-inf")
        self._cares = Slots(CARES)
        self._in_care: set[RequestKey] = set()

    async def run(self) -> None:
        """Sweep until the process stops."""
        tools = self._tools
        while not tools.stopping.is_set():
            try:
                for step in self._steps:
                    await self._guarded(step)
            except LedgerUnavailable as error:
                log.warning("the sweeper waits", because=str(error))
                await tools.sleep(AFTER_OUTAGE_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(tools.stopping.wait(), POLL_SECONDS * (0.5 + tools.random()))

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

    async def due_chunks(self) -> None:
        """Start on what is due: retries, send_at, lapsed leases, chunks whose wake-up call was lost."""
        for lane, slots in self._slots.items():
            for _ in range(ROUND):
                if slots.full or self._tools.stopping.is_set():
                    break
                await slots.wait()
                taken = await slots.use_for(self._claimer.due(lane))
                if taken is None:
                    break
                slots.start(deliver(taken, self._tools))

    async def unfinished_requests(self) -> None:
        """Finish what nobody finished: completions, their events, parts that never came."""
        for _ in range(ROUND):
            if self._cares.full:
                return
            found = await self._tools.ledger.requests.unfinished(idle_seconds=IDLE_SECONDS, limit=1)
            if not found:
                return
            if found[0].head.key not in self._in_care:
                await self._cares.wait()
                self._cares.start(self._care(found[0]))

    async def _care(self, request: Request) -> None:
        key = request.head.key
        self._in_care.add(key)
        try:
            await self.look_after(request)
        finally:
            self._in_care.discard(key)

    async def look_after(self, request: Request) -> None:
        """One unfinished request."""
        if request.completion:
            await announce(request, self._tools)
            return
        await mark(request.head.key, request.marks, self._tools)
        if not request.all_expanded and await self._overdue(request):
            await self._cut(request)
        await complete(request.head.key, self._tools)

    async def _cut(self, request: Request) -> None:
        """Wait no more for parts that never came, nor for those begun whose record was given up or is gone."""
        requests, key = self._tools.ledger.requests, request.head.key
        if await requests.cut(key):
            log.warning("request cut: a part never came", request_id=request.head.request_id)
        if given_up := await requests.give_up(key):
            lost = sorted(given_up.lost)
            log.warning("request cut: parts begun are lost", request_id=request.head.request_id, parts=lost)

    async def _overdue(self, request: Request) -> bool:
        """Whether a part is missing for too long, and is not just waiting in the intake."""
        tools, head = self._tools, request.head
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
            for lane, number in (await self._tools.ledger.chunks.backlog()).items():
                self._tools.metrics.backlog.labels(lane.value).set(number)
