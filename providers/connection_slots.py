"""The sends of one provider that are under way: how many at once, how long each may take, and their end at a stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class NoFreeConnectionError(Exception):
    """None became free in time; nothing was tried."""


class TimeLimits:
    """The time-outs of what is under way, which a stop brings forward."""

    def __init__(self) -> None:
        self._limits: set[asyncio.Timeout] = set()

    @contextlib.asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError from the block when it takes longer, or when it is cut."""
        async with asyncio.timeout(seconds) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    def shorten(self, within_seconds: float) -> None:
        """Let what is under way now take so many seconds more at most."""
        latest = asyncio.get_running_loop().time() + within_seconds
        for limit in self._limits:
            ends = limit.when()
            if not limit.expired() and (ends is None or ends > latest):
                limit.reschedule(latest)


class ConnectionSlots:
    """A semaphore that waits only so long.

    The wait counts into the provider's time-out, since the caller's lease does: it takes half of it at most, so that
    who gets a slot has time left for an answer.
    """

    def __init__(self, count: int, timeout_seconds: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._timeout_seconds = timeout_seconds
        self._sending, self._waiting = TimeLimits(), TimeLimits()
        self._stopped = False

    @contextlib.asynccontextmanager
    async def acquired(self) -> AsyncIterator[None]:
        """While one send has a slot. Raises NoFreeSlotError, and TimeoutError when the send takes too long."""
        async with self._sending.within(self._timeout_seconds):
            await self._take()
            try:
                yield
            finally:
                self._free.release()

    async def _take(self) -> None:
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
        """Send away who waits for a slot; who has one gets so many seconds more at most."""
        self._stopped = True
        self._waiting.shorten(0)
        self._sending.shorten(within_seconds)
