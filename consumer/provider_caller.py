"""Calling a provider: its rate is kept, its time is measured, and whatever it does becomes an answer (I7)."""

from collections.abc import Callable

from consumer.flow_control.rate_limit import RateLimiter, Sleep
from consumer.monitoring.metrics import Metrics
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.provider import Provider
from schemas.statuses import Channel, Lane, Reason

_EWMA_WEIGHT = 0.2
"""The part of the newest call in an average."""
ANSWER_LABELS: dict[type[SendResult], str] = {
    Sent: "sent",
    Retry: "retry",
    Failed: "failed",
    Uncertain: "uncertain",
}
"""The values of the metric label `answer`."""


class ProviderCaller:
    """The way to every provider of this process."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._metrics, self._monotonic, self._sleep = metrics, monotonic, sleep
        self._limits: dict[str, RateLimiter] = {}
        self.express_call_seconds = dict.fromkeys(Channel, 0.0)
        """How long a call for a small request takes, on average of the newest."""

    def close(self) -> None:
        """The process stops: nobody waits for a turn any more."""
        for limit in self._limits.values():
            limit.close()

    async def wait_for_rate_limit(self, name: str, rate_per_second: float, lane: Lane) -> bool:
        """Wait for the rate of the provider with this name. Return False if it closed: no call may be made then."""
        limit = self._limits.get(name)
        if limit is None:
            limit = self._limits[name] = RateLimiter(rate_per_second, self._monotonic, self._sleep)
        return await limit.acquire(lane)

    async def send(self, provider: Provider, message: Message, lane: Lane) -> SendResult:
        """Send one message. A provider that raises has broken its promise: nobody knows what it did."""
        began = self._monotonic()
        answer: SendResult
        try:
            answer = await provider.send(message)
        except Exception as error:  # noqa: BLE001  # whatever it is, the message may be on its way
            answer = Uncertain(Reason.NO_ANSWER, type(error).__name__)
        seconds = self._monotonic() - began
        self._metrics.provider.observe((provider.name, ANSWER_LABELS[type(answer)]), seconds)
        if lane is Lane.EXPRESS:
            average = self.express_call_seconds[provider.channel]
            self.express_call_seconds[provider.channel] = average + _EWMA_WEIGHT * (seconds - average)
        return answer
