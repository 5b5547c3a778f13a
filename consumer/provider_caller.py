"""Calls to providers. The caller keeps the rate and measures the time (I7)."""

from collections.abc import Callable, Collection, Sequence

from consumer.flow_control.provider_breaker import Recorded
from consumer.flow_control.provider_gate import ProviderGate
from consumer.flow_control.rate_limit import RateLimiter, Sleep
from consumer.logger import logger
from consumer.monitoring.metrics import Metrics
from consumer.monitoring.provider_watch import ProviderWatch
from core.send_result import Failed, Retry, SendResult, Sent, Uncertain
from ledger.tenant_port import is_reference
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
MAX_UNKNOWN_CODES = 100
"""Maximum number of codes that the metric of unknown codes names. All others are `(other)`."""

TENANT_LABEL = "(tenant)"
"""Value of the metric label `provider` for all providers that tenants manage themselves."""


class ProviderCaller:
    """Caller of all providers of this process."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float], sleep: Sleep) -> None:
        self._metrics, self._monotonic, self._sleep = metrics, monotonic, sleep
        self._limits: dict[str, RateLimiter] = {}
        self._gates: dict[str, ProviderGate] = {}
        self._unknown_codes: set[str] = set()
        self.watch = ProviderWatch(monotonic)

    def close(self) -> None:
        """End all waits for a rate limit, because the process stops."""
        for limit in self._limits.values():
            limit.close()

    def keep_own(self, references: Collection[str]) -> None:
        """Forget the providers of tenants that are not in use any more."""
        for name in [name for name in self._gates if is_reference(name) and name not in references]:
            if not self._gates.pop(name).is_closed:
                self._show_gate(name)
        self.watch.keep_own(references)

    def takes_calls(self, name: str) -> bool:
        """Return whether the provider may be called now, as far as this process knows."""
        gate = self._gates.get(name)
        return gate is None or gate.takes_calls

    def refusal(self, name: str, call: str) -> SendResult | None:
        """Return the result of the messages of a call that may not be made now, or None.

        A call is known by the id of its first message.
        """
        gate = self._gates.get(name)
        return gate.refusal(call) if gate else None

    def problem_of(self, name: str) -> str | None:
        """Return why a provider is not called or fails, in fixed words and codes. Return None if it works."""
        gate = self._gates.get(name)
        return (gate.problem if gate else None) or self.watch.problem_of(name)

    async def wait_for_rate_limit(self, name: str, rate_per_second: float, lane: Lane, messages: int = 1) -> bool:
        """Wait for the rate limit of a provider. Return False if the limit was closed. Then no call may be made."""
        limit = self._limits.get(name)
        if limit is None:
            limit = self._limits[name] = RateLimiter(rate_per_second, self._monotonic, self._sleep)
        return await limit.acquire(lane, messages)

    async def send(self, provider: Provider, drafts: Sequence[Draft]) -> list[SendResult]:
        """Send the messages of one call, and return their results. A provider that takes no calls is not called."""
        gate = self._gates.get(provider.name)
        if gate is None:
            gate = self._gates[provider.name] = ProviderGate(self._monotonic)
        if refusal := gate.refusal(drafts[0].id):
            return [refusal] * len(drafts)
        began = self._monotonic()
        with gate.calling():
            answers = await offer(provider, drafts)
            seconds = self._monotonic() - began
            if gate.is_closed and all(isinstance(answer, Sent) for answer in answers):
                # Most calls end here, so it must cost little.
                self._metrics.provider.observe((_label_of(provider.name), "sent"), seconds, len(answers))
                self.watch.record_sent(provider.name, provider.channel, len(answers))
                gate.record_sent()
            else:
                self._record(gate, provider, drafts, answers, seconds)
        return answers

    def _record(
        self,
        gate: ProviderGate,
        provider: Provider,
        drafts: Sequence[Draft],
        answers: list[SendResult],
        seconds: float,
    ) -> None:
        """Note the answers of a call, and replace those that have to wait."""
        kinds = [self._count(provider, answer, seconds) for answer in answers]
        # A message that could not be made, or that had no connection, says nothing about the provider.
        told = [at for at, draft in enumerate(drafts) if draft.problem is None and _was_offered(answers[at])]
        recorded = gate.record(drafts[0].id, [Recorded(answers[at], kinds[at]) for at in told])
        for at, answer in zip(told, recorded, strict=True):
            answers[at] = answer
        if gate.has_changed():
            event = "provider is called again" if gate.is_closed else "provider is not called"
            logger.warning(event, provider=provider.name)
            self._show_gate(provider.name)

    def _count(self, provider: Provider, answer: SendResult, seconds: float) -> str | None:
        """Count the result of a message. Return the kind of its failure, or None."""
        if isinstance(answer, Failed) and answer.unknown_code:
            self._count_unknown_code(provider, answer.unknown_code)
        label = _label_of(provider.name)
        self._metrics.provider.observe((label, ANSWER_LABELS[type(answer)]), seconds)
        if _was_withdrawn(answer):
            return None
        if kind := self.watch.record(provider.name, provider.channel, answer):
            self._metrics.provider_failures.labels(label, provider.channel.value, kind).inc()
        return kind

    def _show_gate(self, name: str) -> None:
        """Show whether a provider is not called, or how many of those of tenants are not."""
        label = _label_of(name)
        gates = [gate for each, gate in self._gates.items() if _label_of(each) == label]
        self._metrics.open_breakers.labels(label).set(sum(not gate.is_closed for gate in gates))

    def _count_unknown_code(self, provider: Provider, code: str) -> None:
        if is_reference(provider.name):  # A tenant's gateway could use up the codes.
            self._metrics.unknown_codes.labels(TENANT_LABEL, "(other)").inc()
            return
        if len(self._unknown_codes) < MAX_UNKNOWN_CODES:
            self._unknown_codes.add(code)
        shown = code if code in self._unknown_codes else "(other)"
        self._metrics.unknown_codes.labels(provider.name, shown).inc()


def _label_of(name: str) -> str:
    return TENANT_LABEL if is_reference(name) else name


def _was_withdrawn(answer: SendResult) -> bool:
    return answer is CLOSED or answer is WITHDRAWN


def _was_offered(answer: SendResult) -> bool:
    return not _was_withdrawn(answer) and (not isinstance(answer, Retry | Failed) or answer.offered)
