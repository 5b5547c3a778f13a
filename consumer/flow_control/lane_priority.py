"""Priority of small requests. Large ones pause between two windows while small ones are at work."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.statuses import Lane

MAX_YIELD_SECONDS = 0.25
"""Maximum pause of a large request between two windows, or between two chunks of an expansion, in seconds.

So it makes progress however many small requests come.
"""
SHORT_CALL_SECONDS = 0.05
"""Time for the calls of a small request, in seconds, until it no longer counts as being at work."""


class LanePriority:
    """Priority between the lanes of one process. Event loop, threads, MongoDB and Kafka do not tell the lanes apart."""

    def __init__(self) -> None:
        self._at_work = 0
        """Number of small requests that would be slower if a large one went on."""
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def working(self, lane: Lane) -> Iterator[None]:
        """Claim a chunk, or work on it."""
        self._count(lane, 1)
        try:
            yield
        finally:
            self._count(lane, -1)

    @contextmanager
    def sending(self, lane: Lane) -> Iterator[None]:
        """Call the provider, within the work on a chunk. A pause of large requests does not make a long call faster."""
        if lane is not Lane.EXPRESS:
            yield
            return
        is_long = False

        def count_as_long() -> None:
            nonlocal is_long
            is_long = True
            self._count(lane, -1)

        timer = asyncio.get_running_loop().call_later(SHORT_CALL_SECONDS, count_as_long)
        try:
            yield
        finally:
            timer.cancel()
            if is_long:
                self._count(lane, 1)

    async def yield_to_express(self, lane: Lane) -> None:
        """Pause a bulk chunk while small requests are at work. Return at once in the express lane."""
        if lane is not Lane.BULK or not self._at_work:
            return
        try:
            async with asyncio.timeout(MAX_YIELD_SECONDS):
                while self._at_work:  # another one may have begun since the last one ended
                    await self._idle.wait()
        except TimeoutError:
            return

    def _count(self, lane: Lane, change: int) -> None:
        if lane is not Lane.EXPRESS:
            return
        self._at_work += change
        if self._at_work:
            self._idle.clear()
        else:
            self._idle.set()
