"""Metric of the longest stall of the event loop, for both services."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from prometheus_client import CollectorRegistry, Gauge

TICK_SECONDS = 0.05
"""Time between two looks at the clock, in seconds."""
KEPT_SECONDS = 300.0
"""Time for which a stall counts, in seconds. It is longer than the time between two scrapes of the metrics."""
_PERIOD_SECONDS = 10.0
"""Time of which the longest stall is kept as one number, in seconds."""


class EventLoopStalls:
    """Longest time for which the event loop did not turn, in the last minutes.

    A task sleeps and looks at how much too late it wakes up. While the loop does not turn, the process answers nothing,
    renews no lease, and sends no heartbeat.
    """

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._periods: deque[tuple[float, float]] = deque()
        """Begin of each period, and its longest stall in seconds."""
        gauge = Gauge(
            "rollcall_event_loop_stall_seconds",
            "Longest time in the last five minutes for which the event loop did not turn",
            registry=registry,
        )
        gauge.set_function(self.longest)

    def longest(self) -> float:
        """Return the longest stall of the last minutes, in seconds."""
        while self._periods and self._periods[0][0] + _PERIOD_SECONDS + KEPT_SECONDS <= self._monotonic():
            self._periods.popleft()
        return max((seconds for _, seconds in self._periods), default=0.0)

    def record(self, seconds: float) -> None:
        """Note that the loop turned this much too late."""
        now = self._monotonic()
        if self._periods and now < self._periods[-1][0] + _PERIOD_SECONDS:
            began, longest = self._periods[-1]
            self._periods[-1] = began, max(longest, seconds)
        else:
            self.longest()  # forgets old periods
            self._periods.append((now, max(seconds, 0.0)))

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch the loop in the block."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        while True:
            began = self._monotonic()
            await asyncio.sleep(TICK_SECONDS)
            self.record(self._monotonic() - began - TICK_SECONDS)
