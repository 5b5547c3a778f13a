"""Slots: how many chunks are worked on at a time, and the tasks that work on them."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from consumer.logger import error_location, logger
from schemas.statuses import Channel, Lane

T = TypeVar("T")

SlotKey = tuple[Lane, Channel]
"""What slots are kept for: a slow provider of one channel must not keep the other waiting, nor one lane the other."""


def build_slots(number: int, express: int | None = None) -> "dict[SlotKey, WorkerSlots]":
    """So many slots for each channel of each lane, or another number for each of the express lane."""
    numbers = {Lane.BULK: number, Lane.EXPRESS: express or number}
    return {(lane, channel): WorkerSlots(numbers[lane]) for lane in Lane for channel in Channel}


class WorkerSlots:
    """A fixed number of slots; whoever waits for one waits in order."""

    def __init__(self, number: int) -> None:
        self._number, self._free = number, asyncio.Semaphore(number)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    @property
    def taken(self) -> int:
        """How many tasks are at work."""
        return len(self._tasks)

    @property
    def full(self) -> bool:
        """Whether the next one would wait."""
        return self._free.locked()

    @property
    def has_waiters(self) -> bool:
        """Whether somebody waits for one."""
        return self._waiting > 0

    async def acquire(self) -> None:
        """Take a slot; `start` or `give_back` must follow."""
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def release(self) -> None:
        """Give back a slot that was not used."""
        self._free.release()

    async def run_claim(self, asked: Awaitable[T | None]) -> T | None:
        """What was asked for, to be started in the slot taken; the slot is given back where there is nothing."""
        found = None
        try:
            found = await asked
        finally:
            if found is None:
                self.release()
        return found

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Use the slot taken for this work."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free.release()
        if not task.cancelled() and (error := task.exception()):
            # The lease runs out and the next owner repairs what is open; the type is all that may be said.
            logger.error("delivering failed", error=type(error).__name__, where=error_location(error))

    async def drain(self, seconds: float) -> None:
        """Wait for the work under way; what has not ended by then is cancelled."""
        slots_back = 0
        try:
            async with asyncio.timeout(seconds):
                while slots_back < self._number:  # a slot that is taken for a claim under way is waited for too
                    await self._free.acquire()
                    slots_back += 1
        except TimeoutError:
            for task in self._tasks:
                task.cancel()
        for _ in range(slots_back):
            self._free.release()
