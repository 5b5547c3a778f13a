"""Limits for the concurrent sends of one provider: their number, their time, and their end at a stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


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
    """Semaphore with a limited wait.

    The wait counts into the time-out of the provider, because the lease of the caller runs meanwhile. It takes at most
    half of the time-out, so that enough time is left for an answer.
    """

    def __init__(self, count: int, timeout_seconds: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._timeout_seconds = timeout_seconds
        self._sending, self._waiting = TimeLimits(), TimeLimits()
        self._stopped = False

    @contextlib.asynccontextmanager
    async def acquired(self) -> AsyncIterator[None]:
        """Hold a slot for one send. Raises NoFreeConnectionError, and TimeoutError if the send takes too long."""
        async with self._sending.within(self._timeout_seconds):
            await self._acquire()
            try:
                yield
            finally:
                self._free.release()

    async def _acquire(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with self._waiting.within(self._timeout_seconds / 2):
                await self._free.acquire()
        except TimeoutError:
            raise NoFreeConnectionError from None
        if self._stopped:
            self._free.release()
            raise NoFreeConnectionError

    def stop(self, within_seconds: float) -> None:
        """Refuse the sends that wait for a slot, and limit the remaining time of those that have one."""
        self._stopped = True
        self._waiting.shorten(0)
        self._sending.shorten(within_seconds)
