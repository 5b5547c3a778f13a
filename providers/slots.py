"""How many sends of one provider are under way at once."""

import asyncio
from types import TracebackType
from typing import Self


class NoFreeSlotError(Exception):
    """None became free in time; nothing was tried."""


class Slots:
    """A semaphore that waits only so long.

    The wait counts into the provider's time-out, since the caller's lease does: it takes half of it at most, so that
    who gets a slot has time left for an answer.
    """

    def __init__(self, count: int, timeout_seconds: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._wait_seconds = timeout_seconds / 2

    async def __aenter__(self) -> Self:
        if not self._free.locked():
            await self._free.acquire()
            return self
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise NoFreeSlotError from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._free.release()
