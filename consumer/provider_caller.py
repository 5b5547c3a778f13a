"""Calls to providers. The caller keeps the rate and measures the time (I7)."""

from collections.abc import Callable, Sequence

from consumer.flow_control.credential_pause import CredentialPause
from consumer.flow_control.rate_limit import RateLimiter, Sleep
from consumer.monitoring.metrics import Metrics
from consumer.monitoring.provider_watch import ProviderWatch
from core.send_result import Failed, Retry, SendResult, Sent, Uncertain
from providers.draft import WITHDRAWN, Draft
from providers.provider import CLOSED, Provider, offer
from schemas.statuses import Lane

ANSWER_LABELS: dict[type[SendResult], str] = {
    Sent: "sent",
    Retry: "retry",
    Failed: "failed",
    Uncertain: "uncertain",
}
"""Values of the metric label `answer`."""
UNREACHABLE_SECONDS = 60.0
"""Time in which others take the turns of a provider that took no connection, in seconds.

It is much longer than the wait of a delivery that this provider refused, so that another one gets the delivery next.
"""
MAX_UNKNOWN_CODES = 100
"""Maximum number of codes that the metric of unknown codes names. All others are `(other)`."""


class ProviderCaller:
    """Caller of all providers of this process."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._metrics, self._monotonic, self._sleep = metrics, monotonic, sleep
        self._limits: dict[str, RateLimiter] = {}
        self._unreachable_until: dict[str, float] = {}
        self._pauses: dict[str, CredentialPause] = {}
        self._unknown_codes: set[str] = set()
        self.watch = ProviderWatch(monotonic)

    def close(self) -> None:
        """End all waits for a rate limit, because the process stops."""
        for limit in self._limits.values():
            limit.close()

    def turns(self, providers: Sequence[Provider]) -> tuple[str, ...]:
        """Return the names of the providers by attempt: attempt n goes to number n modulo their count.

        The next provider takes the turn of one that takes no connection. If none does, each keeps its turn.
        """
        names = [provider.name for provider in providers]
        reachable = set(filter(self.is_reachable, names))
        in_turn = (names[at:] + names[:at] for at in range(len(names)))
        return tuple(next((name for name in turn if name in reachable), turn[0]) for turn in in_turn)

    def is_reachable(self, name: str) -> bool:
        """Return whether the provider takes connections and is not paused, as far as this process knows."""
        now = self._monotonic()
        return self._unreachable_until.get(name, now) <= now

    async def wait_for_rate_limit(self, name: str, rate_per_second: float, lane: Lane, messages: int = 1) -> bool:
        """Wait for the rate limit of a provider. Return False if the limit was closed. Then no call may be made."""
        limit = self._limits.get(name)
        if limit is None:
            limit = self._limits[name] = RateLimiter(rate_per_second, self._monotonic, self._sleep)
        return await limit.acquire(lane, messages)

    async def send(self, provider: Provider, drafts: Sequence[Draft]) -> list[SendResult]:
        """Send the messages of one call, and return their results. A provider that is paused is not called."""
        pause = self._pauses.get(provider.name)
        if pause is None:
            pause = self._pauses[provider.name] = CredentialPause(self._monotonic)
        if refusal := pause.refusal(drafts[0].id):
            self._note_unreachable(provider, refusal)
            return [refusal] * len(drafts)
        began = self._monotonic()
        with pause.calling():
            answers = await offer(provider, drafts)
            answers = _with_pause(pause, drafts, answers)
        seconds = self._monotonic() - began
        for answer in answers:
            self._record(provider, answer, seconds)
        return answers

    def _note_unreachable(self, provider: Provider, answer: Retry) -> None:
        seconds = max(UNREACHABLE_SECONDS, answer.delay_seconds or 0)
        self._unreachable_until[provider.name] = self._monotonic() + seconds

    def _record(self, provider: Provider, answer: SendResult, seconds: float) -> None:
        if isinstance(answer, Retry) and answer.unreachable:
            self._note_unreachable(provider, answer)
        if isinstance(answer, Failed) and answer.unknown_code:
            self._count_unknown_code(provider, answer.unknown_code)
        self._metrics.provider.observe((provider.name, ANSWER_LABELS[type(answer)]), seconds)
        if answer is CLOSED or answer is WITHDRAWN:
            return
        if kind := self.watch.record(provider.name, provider.channel, answer):
            self._metrics.provider_failures.labels(provider.name, provider.channel.value, kind).inc()

    def _count_unknown_code(self, provider: Provider, code: str) -> None:
        if len(self._unknown_codes) < MAX_UNKNOWN_CODES:
            self._unknown_codes.add(code)
        shown = code if code in self._unknown_codes else "(other)"
        self._metrics.unknown_codes.labels(provider.name, shown).inc()


def _with_pause(pause: CredentialPause, drafts: Sequence[Draft], answers: list[SendResult]) -> list[SendResult]:
    """Note the answers of a call in the pause, and return them with its waits.

    A message that could not be made says nothing about the credentials.
    """
    made = [place for place, draft in enumerate(drafts) if draft.problem is None]
    noted = pause.record(drafts[0].id, [answers[place] for place in made])
    for place, answer in zip(made, noted, strict=True):
        answers[place] = answer
    return answers
