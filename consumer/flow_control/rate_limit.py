"""Token bucket of one provider. Express messages are served first."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from schemas.statuses import Lane

Sleep = Callable[[float], Awaitable[None]]


class RateLimiter:
    """A token bucket whose waiters of the express lane go first."""

    def __init__(self, rate_per_second: float, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._rate, self._monotonic, self._sleep = rate_per_second, monotonic, sleep
        self._burst = max(1.0, rate_per_second / 10)
        self._tokens, self._filled_at = self._burst, monotonic()
        self._waiting: dict[Lane, deque[asyncio.Future[bool]]] = {lane: deque() for lane in (Lane.EXPRESS, Lane.BULK)}
        self._refill_task: asyncio.Task[None] | None = None
        self._next_waiter: asyncio.Future[bool] | None = None
        """Whose turn comes with the next token."""
        self._closed = False

    async def acquire(self, lane: Lane) -> bool:
        """Return when a call may be made; False: closed while it waited."""
        self._fill()
        if self._tokens >= 1 and self._refill_task is None:
            self._tokens -= 1
            return True
        if self._closed:
            return False
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(turn)
        if self._refill_task is None:
            self._refill_task = asyncio.create_task(self._serve())
        return await turn

    def close(self) -> None:
        """Send away who waits, and who would wait from now on."""
        self._closed = True
        for turn in (self._next_waiter, *self._waiting[Lane.EXPRESS], *self._waiting[Lane.BULK]):
            if turn and not turn.done():
                turn.set_result(False)

    def _fill(self) -> None:
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now

    async def _serve(self) -> None:
        try:
            while turn := self._next():
                self._next_waiter = turn
                while self._tokens < 1:
                    await self._sleep((1 - self._tokens) / self._rate)
                    self._fill()
                if not turn.done():  # its caller may have been cancelled meanwhile
                    self._tokens -= 1
                    turn.set_result(True)
        finally:
            self._refill_task = None

    def _next(self) -> asyncio.Future[bool] | None:
        for queue in self._waiting.values():
            if queue:
                return queue.popleft()
        return None
