"""Rate limit of one provider."""

import asyncio
from collections.abc import Awaitable, Callable

from core.lane_queue import LaneQueue
from schemas.statuses import Lane

SHORTEST_SLEEP_SECONDS = 1e-6
"""Minimum time of a wait for a token, in seconds. A clock of many hours does not show the rounding error of a token."""

Sleep = Callable[[float], Awaitable[None]]
_Waiter = tuple[asyncio.Future[bool], int]
"""Call that waits, and its number of messages."""


class RateLimiter:
    """A token bucket. The express lane goes first, and the bulk lane keeps a share.

    A call waits for one token and takes one for each of its messages. So the bucket may owe tokens, and the next call
    waits until they are paid.
    """

    def __init__(self, rate_per_second: float, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._rate, self._monotonic, self._sleep = rate_per_second, monotonic, sleep
        self._burst = max(1.0, rate_per_second / 10)
        self._tokens, self._filled_at = self._burst, monotonic()
        self._waiting: LaneQueue[_Waiter] = LaneQueue()
        self._refill_task: asyncio.Task[None] | None = None
        self._closed = False

    async def acquire(self, lane: Lane, messages: int = 1) -> bool:
        """Wait until a call with this number of messages may be made. Return False if the limiter was closed."""
        self._fill()
        if self._tokens >= 1 and self._refill_task is None:
            self._tokens -= messages
            return True
        if self._closed:
            return False
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.add(lane, (waiter, messages))
        if self._refill_task is None:
            self._refill_task = asyncio.create_task(self._serve())
        return await waiter

    def close(self) -> None:
        """End all waits, now and from now on. `acquire` then returns False."""
        self._closed = True
        for waiter, _ in self._waiting:
            if not waiter.done():
                waiter.set_result(False)
        self._waiting = LaneQueue()

    def _fill(self) -> None:
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now

    async def _serve(self) -> None:
        try:
            while self._waiting:
                while self._tokens < 1:
                    await self._sleep(max((1 - self._tokens) / self._rate, SHORTEST_SLEEP_SECONDS))
                    self._fill()
                # The next waiter is chosen now, because one of the express lane may have come meanwhile.
                if not self._waiting:
                    break
                waiter, messages = self._waiting.pop()
                if not waiter.done():  # its caller may have been cancelled
                    self._tokens -= messages
                    waiter.set_result(True)
        finally:
            self._refill_task = None
