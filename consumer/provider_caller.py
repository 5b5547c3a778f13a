"""Calls to providers. The caller keeps the rate, measures the time, and turns every exception into a result (I7)."""

from collections.abc import Callable

from consumer.flow_control.rate_limit import RateLimiter, Sleep
from consumer.monitoring.metrics import Metrics
from consumer.monitoring.provider_watch import ProviderWatch
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.provider import CLOSED, Provider
from schemas.statuses import Channel, Lane, Reason

_EWMA_WEIGHT = 0.2
"""Weight of the newest call in the moving average, from 0 to 1."""
ANSWER_LABELS: dict[type[SendResult], str] = {
    Sent: "sent",
    Retry: "retry",
    Failed: "failed",
    Uncertain: "uncertain",
}
"""Values of the metric label `answer`."""


class ProviderCaller:
    """Caller of all providers of this process."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._metrics, self._monotonic, self._sleep = metrics, monotonic, sleep
        self._limits: dict[str, RateLimiter] = {}
        self.watch = ProviderWatch(monotonic)
        self.express_call_seconds = dict.fromkeys(Channel, 0.0)
        """Moving average of the time of a call for an express request, by channel, in seconds."""

    def close(self) -> None:
        """End all waits for a rate limit, because the process stops."""
        for limit in self._limits.values():
            limit.close()

    async def wait_for_rate_limit(self, name: str, rate_per_second: float, lane: Lane) -> bool:
        """Wait for the rate limit of a provider. Return False if the limit was closed. Then no call may be made."""
        limit = self._limits.get(name)
        if limit is None:
            limit = self._limits[name] = RateLimiter(rate_per_second, self._monotonic, self._sleep)
        return await limit.acquire(lane)

    async def send(self, provider: Provider, message: Message, lane: Lane) -> SendResult:
        """Send one message. If the provider raises, return `Uncertain`, because the message may have been sent."""
        began = self._monotonic()
        answer: SendResult
        try:
            answer = await provider.send(message)
        except Exception as error:  # noqa: BLE001  # after any exception the message may have been sent
            answer = Uncertain(Reason.NO_ANSWER, type(error).__name__)
        seconds = self._monotonic() - began
        self._metrics.provider.observe((provider.name, ANSWER_LABELS[type(answer)]), seconds)
        if answer is not CLOSED and (kind := self.watch.record(provider.name, provider.channel, answer)):
            self._metrics.provider_failures.labels(provider.name, provider.channel.value, kind).inc()
        if lane is Lane.EXPRESS:
            average = self.express_call_seconds[provider.channel]
            self.express_call_seconds[provider.channel] = average + _EWMA_WEIGHT * (seconds - average)
        return answer
