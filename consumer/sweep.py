"""Sweep: whatever waits in the ledger is found here, by any process (docs/protocol.md; I8)."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from consumer.complete import announce, complete
from consumer.deliver import AFTER_OUTAGE_SECONDS, Claimer, Taken, deliver
from consumer.marks import mark
from consumer.retention import Retention
from consumer.slots import Slots
from consumer.tools import Tools, log, where
from core.ids import RequestKey
from ledger.errors import LedgerUnavailable
from ledger.values import Request
from schemas.statuses import Channel, Lane

DUE_SECONDS = 0.25
"""How often each lane is asked for due chunks, on average: what is due starts within a second."""
CARE_SECONDS = 1.0
"""How often all the rest is done."""
MOST_OF_ONE_CHANNEL = 0.75
"""What share of a lane's slots may be at work for one channel; claims under way at once may exceed it."""
MOST_ASKING = 4
"""How many claims of a lane are under way at once while there is much that is due."""
IDLE_SECONDS = 10.0
"""How long a request is left alone between two looks at it."""
BACKLOG_SECONDS = 10.0
ROUND = 64
"""How many requests one round takes at most: what else has to be cared for waits for them."""
CARES = 8
"""How many requests are looked after at a time: one whose events nobody takes must not keep the others."""


class Sweeper:
    """Claims due chunks into slots kept for that, and looks after unfinished requests."""

    def __init__(
        self, tools: Tools, claimer: Claimer, slots: Mapping[Lane, Slots], *, due_seconds: float = DUE_SECONDS
    ) -> None:
        self._tools, self._claimer, self._slots, self._due_seconds = tools, claimer, slots, due_seconds
        self._retention = Retention(tools)
        self._counted_at = float("-inf")
        self._cares = Slots(CARES)
        self._in_care: set[RequestKey] = set()
        self._at_work: Counter[tuple[Lane, Channel]] = Counter()

    async def run(self) -> None:
        """Sweep until the process stops: each lane by itself, so that due chunks wait for nothing else."""
        due = [self._repeat(self._due_seconds, partial(self.due_chunks, lane)) for lane in self._slots]
        cares = (self._ping, self.unfinished_requests, self._retention.step, self._backlog)
        await asyncio.gather(*due, self._repeat(CARE_SECONDS, *cares))

    async def _repeat(self, seconds: float, *steps: Callable[[], Awaitable[None]]) -> None:
        tools = self._tools
        while not tools.stopping.is_set():
            try:
                for step in steps:
                    await self._guarded(step)
            except LedgerUnavailable as error:
                log.warning("the sweeper waits", because=str(error))
                await tools.sleep(AFTER_OUTAGE_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(tools.stopping.wait(), seconds * (0.5 + tools.random()))

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

    async def due_chunks(self, lane: Lane) -> None:
        """Start on what is due: retries, send_at, lapsed leases, chunks whose wake-up call was lost.

        While all that ask find something, more of them ask.
        """
        asking = 1
        while not self._tools.stopping.is_set():
            held_back = self._crowding(lane)
            if all(await asyncio.gather(*(self._start_due(lane) for _ in range(asking)))):
                asking = min(asking * 2, MOST_ASKING)
            elif held_back:
                await self._slots[lane].one_ended(DUE_SECONDS)
            else:
                break

    def _crowding(self, lane: Lane) -> frozenset[Channel]:
        """The channels that have their share of a lane: a slow provider of one must not keep the other waiting."""
        most = max(1, round(self._slots[lane].number * MOST_OF_ONE_CHANNEL))
        return frozenset(channel for channel in Channel if self._at_work[lane, channel] >= most)

    async def _start_due(self, lane: Lane) -> bool:
        """Start on the chunk that waits longest, as soon as a slot is free; whether there was one."""
        slots = self._slots[lane]
        await slots.wait()
        if self._tools.stopping.is_set():
            slots.give_back()
            return False
        taken = await slots.use_for(self._claimer.due(lane, self._crowding(lane)))
        if taken is None:
            return False
        self._at_work[lane, taken.claimed.chunk.channel] += 1
        slots.start(self._deliver(taken, lane))
        return True

    async def _deliver(self, taken: Taken, lane: Lane) -> None:
        try:
            await deliver(taken, self._tools)
        finally:
            self._at_work[lane, taken.claimed.chunk.channel] -= 1

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
