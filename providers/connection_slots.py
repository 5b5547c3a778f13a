"""Limits for the concurrent sends of one provider: their number, their time, and their end at a stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from core.lane_queue import LaneQueue
from providers.adaptive_limit import AdaptiveLimit
from schemas.statuses import Lane


class NoFreeConnectionError(Exception):
    """Error if no connection became free in time. Nothing was tried."""


class TimeLimits:
    """Time-outs of running operations, which a stop can shorten."""

    def __init__(self) -> None:
        self._limits: set[asyncio.Timeout] = set()

    @contextlib.asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError from the block if it takes longer, or if `shorten` ends it."""
        async with asyncio.timeout(seconds) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    def shorten(self, within_seconds: float) -> None:
        """Limit the remaining time of all running operations to `within_seconds`."""
        latest = asyncio.get_running_loop().time() + within_seconds
        for limit in self._limits:
            deadline = limit.when()
            if not limit.expired() and (deadline is None or deadline > latest):
                limit.reschedule(latest)


class ConnectionSlots:
    """Semaphore with a limited wait. The express lane goes first.

    The wait counts into the time-out of the provider, because the lease of the caller runs meanwhile. It takes at most
    half of the time-out, so that enough time is left for an answer.
    """

    def __init__(self, count: int, timeout_seconds: float) -> None:
        self.limit, self._timeout_seconds = AdaptiveLimit(count, timeout_seconds), timeout_seconds
        """Number of slots, which follows how the calls went."""
        self._taken = 0
        self._waiters: LaneQueue[asyncio.Future[None]] = LaneQueue()
        self._sending, self._waiting = TimeLimits(), TimeLimits()
        self._stopped = False

    @contextlib.asynccontextmanager
    async def send_time(self) -> AsyncIterator[float]:
        """Limit the time of one send. Yield the time of the loop until which it may wait, or begin another call."""
        async with self._sending.within(self._timeout_seconds):
            yield asyncio.get_running_loop().time() + self._timeout_seconds / 2

    @contextlib.asynccontextmanager
    async def slot(self, lane: Lane, latest_start: float) -> AsyncIterator[None]:
        """Hold a slot. Raises NoFreeConnectionError."""
        await self._acquire(lane, latest_start)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, lane: Lane, latest_start: float) -> None:
        if self._taken < self.limit.value and not self._waiters:
            self._taken += 1
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.add(lane, waiter)
        self._wake_next()
        try:
            async with self._waiting.within(latest_start - loop.time()):
                await waiter
        except BaseException as error:
            self._give_back(lane, waiter)
            if isinstance(error, TimeoutError):
                raise NoFreeConnectionError from None
            raise
        if self._stopped:
            self._release()
            raise NoFreeConnectionError

    def _give_back(self, lane: Lane, waiter: asyncio.Future[None]) -> None:
        """Leave the queue, or release the slot that came too late."""
        if waiter.done() and not waiter.cancelled():
            self._release()
        else:
            self._waiters.remove(lane, waiter)

    def _release(self) -> None:
        self._taken -= 1
        self._wake_next()

    def _wake_next(self) -> None:
        while self._waiters and self._taken < self.limit.value:
            waiter = self._waiters.pop()
            if not waiter.done():
                self._taken += 1
                waiter.set_result(None)

    def stop(self, within_seconds: float) -> None:
        """Refuse the sends that wait for a slot, and limit the remaining time of those that have one."""
        self._stopped = True
        self._waiting.shorten(0)
        self._sending.shorten(within_seconds)
