"""Calling a provider: its rate is kept, its time is measured, and whatever it does becomes an answer (I7)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from consumer.metrics import Metrics
from core.outcome import Answer, Message, Uncertain
from providers.base import Provider
from schemas.statuses import Lane, Reason

Sleep = Callable[[float], Awaitable[None]]


class RateLimit:
    """A token bucket whose waiters of the express lane go first."""

    def __init__(self, rate_per_second: float, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._rate, self._monotonic, self._sleep = rate_per_second, monotonic, sleep
        self._burst = max(1.0, rate_per_second / 10)
        self._tokens, self._filled_at = self._burst, monotonic()
        self._waiting: dict[Lane, deque[asyncio.Future[None]]] = {lane: deque() for lane in (Lane.EXPRESS, Lane.BULK)}
        self._pump: asyncio.Task[None] | None = None

    async def turn(self, lane: Lane) -> None:
        """Return when a call may be made."""
        self._fill()
        if self._tokens >= 1 and self._pump is None:
            self._tokens -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(turn)
        if self._pump is None:
            self._pump = asyncio.create_task(self._serve())
        await turn

    def _fill(self) -> None:
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now

    async def _serve(self) -> None:
        try:
            while turn := self._next():
                while self._tokens < 1:
                    await self._sleep((1 - self._tokens) / self._rate)
                    self._fill()
                if not turn.done():  # its caller may have been cancelled meanwhile
                    self._tokens -= 1
                    turn.set_result(None)
        finally:
            self._pump = None

    def _next(self) -> asyncio.Future[None] | None:
        for queue in self._waiting.values():
            if queue:
                return queue.popleft()
        return None


class Caller:
    """The way to every provider of this process."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._metrics, self._monotonic, self._sleep = metrics, monotonic, sleep
        self._limits: dict[str, RateLimit] = {}

    async def turn(self, provider: Provider, lane: Lane) -> None:
        """Wait for this provider's rate."""
        if provider.rate_per_second:
            limit = self._limits.get(provider.name)
            if limit is None:
                limit = RateLimit(provider.rate_per_second, self._monotonic, self._sleep)
                self._limits[provider.name] = limit
            await limit.turn(lane)

    async def call(self, provider: Provider, message: Message) -> Answer:
        """Send one message. A provider that raises has broken its promise: nobody knows what it did."""
        began = self._monotonic()
        answer: Answer
        try:
            answer = await provider.send(message)
        except Exception as error:  # noqa: BLE001  # whatever it is, the message may be on its way
            answer = Uncertain(Reason.NO_ANSWER, type(error).__name__)
        self._metrics.provider.observe((provider.name, type(answer).__name__.lower()), self._monotonic() - began)
        return answer
