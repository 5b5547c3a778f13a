"""Priority of small requests. Large ones pause between two windows while small ones are at work."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.statuses import Lane

MAX_YIELD_SECONDS = 0.25
"""Maximum pause of a large request between two windows, or between two chunks of an expansion, in seconds.

So it makes progress however many small requests come: four windows a second for each of its chunks.
"""
QUICK_CALL_SECONDS = 0.25
"""Average duration of a provider call in seconds, up to which the small requests of its channel have priority.

A slower provider delays its own requests, and a pause of large ones would not help them.
"""


class LanePriority:
    """Priority between the lanes of one process. Event loop, threads, MongoDB and Kafka do not tell the lanes apart."""

    def __init__(self) -> None:
        self._at_work = 0
        """Number of small requests that would be slower if a large one went on."""
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def working(self, lane: Lane, call_seconds: float) -> Iterator[None]:
        """Work on a chunk. `call_seconds` is the average duration of the provider calls of its channel."""
        if lane is not Lane.EXPRESS or call_seconds > QUICK_CALL_SECONDS:
            yield
            return
        self._at_work += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._idle.set()

    async def yield_to_express(self, lane: Lane) -> None:
        """Pause a bulk chunk while small requests are at work. Return at once in the express lane."""
        if lane is Lane.BULK and self._at_work:
            try:
                async with asyncio.timeout(MAX_YIELD_SECONDS):
                    await self._idle.wait()
            except TimeoutError:
                return
