"""Rate of one provider that all processes share. Each process leases time slots from the ledger, in small blocks."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from consumer.flow_control.rate_limit import Sleep
from consumer.logger import logger
from core.lane_queue import LaneQueue
from core.rate_schedule import MAX_AHEAD_SECONDS, SlotLease
from ledger.errors import LedgerError
from ledger.permit_port import Permits
from schemas.statuses import Lane

BLOCK_SECONDS = 0.25
"""Maximum time of the rate that one lease takes, in seconds. So much is lost if the process dies."""
LEASE_AHEAD_SECONDS = 0.2
"""Time before the end of the leased slots in which the next ones are leased, in seconds."""
LATE_SECONDS = 0.02
"""Time after which a slot is over, in seconds. All slots of that time could fall into the next second."""
SHORTEST_SLEEP_SECONDS = 0.004
"""Shortest wait for a slot, in seconds. The slots of a high rate are used some at a time."""
LONGEST_WAIT_SECONDS = 10.0
"""Maximum time of the rate for which deliveries wait in this process, in seconds. All others go into the ledger."""
MAX_DELAY_SECONDS = 600.0
"""Maximum time until a delivery in the ledger is tried again, in seconds. The limit may be higher by then."""
_CLOCK_SAMPLES = 32
"""Number of leases by which the clock of the ledger is known."""
_PAUSE_SECONDS = 0.5
"""Time until the next lease after one that failed, in seconds."""


class RateCap(NamedTuple):
    """Rate that all processes together keep to."""

    per_second: float
    counts_segments: bool = False
    """True if the rate counts the segments of an SMS, and False if it counts messages."""


@dataclass(slots=True, eq=False)
class _Waiter:
    permits: int
    """Number of permits that the call needs."""
    done: asyncio.Future[bool]
    paid: int = 0


@dataclass(slots=True)
class _Block:
    slots: int
    next_at: float
    """Time of its next slot by the clock of this process."""
    interval_seconds: float

    @property
    def ends_at(self) -> float:
        return self.next_at + self.slots * self.interval_seconds


class SharedRate:
    """Queue of the calls that wait for a permit. The express lane goes first, and the bulk lane keeps a share.

    A call with several permits waits until the slot of its last one.
    """

    def __init__(
        self, key: str, per_second: float, permits: Permits, monotonic: Callable[[], float], sleep: Sleep
    ) -> None:
        self._key, self._rate, self._permits = key, per_second, permits
        self._monotonic, self._sleep = monotonic, sleep
        self._waiting: LaneQueue[_Waiter] = LaneQueue()
        self._served: _Waiter | None = None
        self._demand = dict.fromkeys(Lane, 0)
        """Number of permits for which calls wait, by lane."""
        self._booked_until = dict.fromkeys(Lane, 0.0)
        """Time until which deliveries of the ledger will use the rate, by lane."""
        self._blocks: deque[_Block] = deque()
        self._unused = 0
        self._offsets: deque[float] = deque(maxlen=_CLOCK_SAMPLES)
        self._serving: asyncio.Task[None] | None = None
        self._leasing: asyncio.Task[None] | None = None
        self._closed = False

    async def acquire(self, lane: Lane, permits: int) -> bool:
        """Wait for the permits of one call. Return False if the process stops. Then no call may be made."""
        if self._closed:
            return False
        waiter = _Waiter(permits, asyncio.get_running_loop().create_future())
        self._waiting.add(lane, waiter)
        self._demand[lane] += permits
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        try:
            return await waiter.done
        finally:
            self._demand[lane] -= permits

    def book(self, lane: Lane, permits: int) -> float | None:
        """Return None if the permits may be waited for. Otherwise return after how many seconds there may be some.

        Deliveries that are put back into the ledger are spread over the time in which the rate can take them, so that
        they do not come back together.
        """
        now = self._monotonic()
        ahead = self._demand[Lane.EXPRESS] if lane is Lane.EXPRESS else sum(self._demand.values())
        if ahead + permits <= max(permits, self._rate * LONGEST_WAIT_SECONDS):
            return None
        begins_at = max(self._booked_until[lane], now + ahead / self._rate)
        self._booked_until[lane] = min(begins_at + permits / self._rate, now + MAX_DELAY_SECONDS)
        return self._booked_until[lane] - now

    def close(self) -> None:
        """End all waits, now and from now on. `acquire` then returns False."""
        self._closed = True
        for waiter in (*self._waiting, *([self._served] if self._served else [])):
            if not waiter.done.done():
                waiter.done.set_result(False)
        self._waiting, self._served = LaneQueue(), None

    async def _serve(self) -> None:
        try:
            while self._waiting or self._served:
                now = self._monotonic()
                while (self._served or self._waiting) and self._take_slot(now):
                    self._pay()
                self._lease_if_needed(now)
                await self._wait_for_slots(now)
        finally:
            self._serving = None

    def _take_slot(self, now: float) -> bool:
        """Take the first slot whose time has come. Slots whose time is over are counted as unused."""
        while self._blocks:
            block = self._blocks[0]
            if not block.slots:
                self._blocks.popleft()
            elif block.next_at > now:
                return False
            else:
                is_over = block.next_at < now - LATE_SECONDS
                block.slots -= 1
                block.next_at += block.interval_seconds
                if not is_over:
                    return True
                self._unused += 1
        return False

    def _pay(self) -> None:
        """Give one permit to the call whose turn it is. It is chosen now, because an express call may have come."""
        waiter = self._served or self._waiting.pop()
        while waiter.done.done() and self._waiting:  # its caller was cancelled
            waiter = self._waiting.pop()
        waiter.paid += 1
        self._served = waiter if waiter.paid < waiter.permits and not waiter.done.done() else None
        if self._served is None and not waiter.done.done():
            waiter.done.set_result(True)

    async def _wait_for_slots(self, now: float) -> None:
        block = next((block for block in self._blocks if block.slots), None)
        if block is not None:
            await self._sleep(max(SHORTEST_SLEEP_SECONDS, block.next_at - now))
        elif self._leasing is not None:
            await asyncio.wait({self._leasing})
        else:  # All calls that wait were paid or cancelled.
            self._waiting.retain(lambda waiter: not waiter.done.done())
            await asyncio.sleep(0)

    def _lease_if_needed(self, now: float) -> None:
        """Lease as many slots as calls wait for, and no more: another process may need them."""
        needed = sum(self._demand.values()) - sum(block.slots for block in self._blocks)
        needed -= self._served.paid if self._served else 0
        ends_at = self._blocks[-1].ends_at if self._blocks else now
        if needed <= 0 or self._leasing is not None or ends_at - now > LEASE_AHEAD_SECONDS:
            return
        slots = min(needed, ceil(self._rate * BLOCK_SECONDS))
        self._leasing = asyncio.create_task(self._lease(slots))

    async def _lease(self, slots: int) -> None:
        try:
            unused, self._unused = self._unused, 0
            asked_at = self._monotonic()
            lease = await self._permits.lease_slots(self._key, self._rate, slots, unused)
            self._add(lease, asked_at)
            if not lease.slots:
                await self._sleep(max(0.0, lease.first_at - lease.now - MAX_AHEAD_SECONDS) + SHORTEST_SLEEP_SECONDS)
        except LedgerError as error:
            logger.warning("lease of permits failed", limit=self._key, reason=str(error))
            await self._sleep(_PAUSE_SECONDS)
        finally:
            self._leasing = None

    def _add(self, lease: SlotLease, asked_at: float) -> None:
        """Add leased slots by the clock of this process.

        The ledger read its clock between question and answer. The answer that came fastest tells the offset best, until
        one of the clocks has moved.
        """
        if self._offsets and min(self._offsets) < asked_at - lease.now:
            self._offsets.clear()
        self._offsets.append(self._monotonic() - lease.now)
        if lease.slots:
            self._blocks.append(_Block(lease.slots, lease.first_at + min(self._offsets), lease.interval_seconds))
