"""Slots for the delivery of chunks, and the tasks that use them."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from consumer.logger import error_location, logger
from schemas.statuses import Channel, Lane

T = TypeVar("T")

SlotKey = tuple[Lane, Channel]
"""Lane and channel of slots. A slow provider of one channel must not block the other, nor one lane the other."""


def build_slots(number: int, express: int | None = None) -> "dict[SlotKey, WorkerSlots]":
    """Return `number` slots for each channel of each lane. `express` is the number for the express lane."""
    numbers = {Lane.BULK: number, Lane.EXPRESS: express or number}
    return {(lane, channel): WorkerSlots(numbers[lane]) for lane in Lane for channel in Channel}


DRAIN_SECONDS = 7.5
"""Maximum time that a stop waits for running chunks, in seconds: to get answers, log, publish and release."""


class WorkerSlots:
    """A fixed number of slots. Waiters get them in order."""

    def __init__(self, number: int) -> None:
        self._number, self._free = number, asyncio.Semaphore(number)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    @property
    def in_use(self) -> int:
        """Return the number of running tasks."""
        return len(self._tasks)

    @property
    def full(self) -> bool:
        """Return whether the next `acquire` would wait."""
        return self._free.locked()

    @property
    def has_waiters(self) -> bool:
        """Return whether a caller waits for a slot."""
        return self._waiting > 0

    async def acquire(self) -> None:
        """Take a slot. The caller must then call `start` or `release`."""
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def release(self) -> None:
        """Return an acquired slot that was not used."""
        self._free.release()

    async def run_claim(self, claim: Awaitable[T | None]) -> T | None:
        """Return the result of a claim, to be started in the acquired slot. Release the slot if there is none."""
        claimed = None
        try:
            claimed = await claim
        finally:
            if claimed is None:
                self.release()
        return claimed

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work in the acquired slot."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free.release()
        if not task.cancelled() and (error := task.exception()):
            # The lease runs out, and the next owner recovers the chunk. The error's text may contain personal data.
            logger.error("delivery failed", error=type(error).__name__, location=error_location(error))

    async def drain(self, seconds: float) -> None:
        """Wait for running tasks, `seconds` at most, and cancel the rest."""
        acquired = 0
        try:
            async with asyncio.timeout(seconds):
                while acquired < self._number:  # also wait for slots of running claims
                    await self._free.acquire()
                    acquired += 1
        except TimeoutError:
            for task in self._tasks:
                task.cancel()
        for _ in range(acquired):
            self._free.release()
