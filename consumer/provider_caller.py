"""Calling a provider: its rate is kept, its time is measured, and whatever it does becomes an answer (I7)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from consumer.monitoring.metrics import Metrics
from core.send_result import Answer, Failed, Message, Retry, Sent, Uncertain
from providers.provider import Provider
from schemas.statuses import Channel, Lane, Reason

Sleep = Callable[[float], Awaitable[None]]

_NEWEST = 0.2
"""The part of the newest call in an average."""
ANSWER_LABELS: dict[type[Answer], str] = {
    Sent: "sent",
    Retry: "retry",
    Failed: "failed",
    Uncertain: "uncertain",
}
"""The values of the metric label `answer`."""


class RateLimit:
    """A token bucket whose waiters of the express lane go first."""

    def __init__(self, rate_per_second: float, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._rate, self._monotonic, self._sleep = rate_per_second, monotonic, sleep
        self._burst = max(1.0, rate_per_second / 10)
        self._tokens, self._filled_at = self._burst, monotonic()
        self._waiting: dict[Lane, deque[asyncio.Future[bool]]] = {lane: deque() for lane in (Lane.EXPRESS, Lane.BULK)}
        self._pump: asyncio.Task[None] | None = None
        self._served: asyncio.Future[bool] | None = None
        """Whose turn comes with the next token."""
        self._closed = False

    async def turn(self, lane: Lane) -> bool:
        """Return when a call may be made; False: closed while it waited."""
        self._fill()
        if self._tokens >= 1 and self._pump is None:
            self._tokens -= 1
            return True
        if self._closed:
            return False
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(turn)
        if self._pump is None:
            self._pump = asyncio.create_task(self._serve())
        return await turn

    def close(self) -> None:
        """Send away who waits, and who would wait from now on."""
        self._closed = True
        for turn in (self._served, *self._waiting[Lane.EXPRESS], *self._waiting[Lane.BULK]):
            if turn and not turn.done():
                turn.set_result(False)

    def _fill(self) -> None:
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now

    async def _serve(self) -> None:
        try:
            while turn := self._next():
                self._served = turn
                while self._tokens < 1:
                    await self._sleep((1 - self._tokens) / self._rate)
                    self._fill()
                if not turn.done():  # its caller may have been cancelled meanwhile
                    self._tokens -= 1
                    turn.set_result(True)
        finally:
            self._pump = None

    def _next(self) -> asyncio.Future[bool] | None:
        for queue in self._waiting.values():
            if queue:
                return queue.popleft()
        return None


class Caller:
    """The way to every provider of this process."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._metrics, self._monotonic, self._sleep = metrics, monotonic, sleep
        self._limits: dict[str, RateLimit] = {}
        self.small_call_seconds = dict.fromkeys(Channel, 0.0)
        """How long a call for a small request takes, on average of the newest."""

    def close(self) -> None:
        """The process stops: nobody waits for a turn any more."""
        for limit in self._limits.values():
            limit.close()

    async def turn(self, name: str, rate_per_second: float, lane: Lane) -> bool:
        """Wait for the rate of the provider with this name. Return False if it closed: no call may be made then."""
        limit = self._limits.get(name)
        if limit is None:
            limit = self._limits[name] = RateLimit(rate_per_second, self._monotonic, self._sleep)
        return await limit.turn(lane)

    async def call(self, provider: Provider, message: Message, lane: Lane) -> Answer:
        """Send one message. A provider that raises has broken its promise: nobody knows what it did."""
        began = self._monotonic()
        answer: Answer
        try:
            answer = await provider.send(message)
        except Exception as error:  # noqa: BLE001  # whatever it is, the message may be on its way
            answer = Uncertain(Reason.NO_ANSWER, type(error).__name__)
        seconds = self._monotonic() - began
        self._metrics.provider.observe((provider.name, ANSWER_LABELS[type(answer)]), seconds)
        if lane is Lane.EXPRESS:
            average = self.small_call_seconds[provider.channel]
            self.small_call_seconds[provider.channel] = average + _NEWEST * (seconds - average)
        return answer
