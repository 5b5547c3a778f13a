"""Watch over the failures of each provider: lines in the log, and a warning for readiness."""

from collections import Counter
from collections.abc import Callable, Collection

from consumer.logger import logger
from core.send_result import Failed, Retry, SendResult, Sent
from ledger.tenant_port import is_reference
from providers.failure_kinds import failure_kind
from schemas.statuses import Channel

REPORT_SECONDS = 60.0
"""Time between two log lines of a provider that fails, in seconds."""
RECOVERED_SECONDS = 5.0
"""Time without a failure after which a provider that sends has recovered, in seconds."""
DOUBTED_REFUSALS = 10
"""Number of refusals with a code in a row after which they may concern all messages, and not one recipient each."""
WARNING_SECONDS = 900.0
"""Time that a provider without any call after its failure is reported, in seconds."""


MOST_NAMED = 10
"""Maximum number of failing providers that readiness names."""


class WatchedProvider:
    """Failures of one provider since its last log line."""

    def __init__(self, name: str, channel: Channel, monotonic: Callable[[], float]) -> None:
        self._name, self._channel, self._monotonic = name, channel, monotonic
        self._failures: Counter[str] = Counter()
        self._answered = self._in_a_row = 0
        self._since = self._failed_at = self._answered_at = self._logged_at = float("-inf")
        self._is_announced = False
        self.error = ""
        """Last failure in fixed words and codes."""

    def failed(self, kind: str, error: str | None) -> None:
        """Count a failure. Log the first one."""
        now = self._monotonic()
        if not self._is_announced and not self._failures:
            self._since = now
        self._failures[kind] += 1
        self._in_a_row += 1 if kind == "4xx" else DOUBTED_REFUSALS
        self._failed_at = now
        self.error = f"login refused: {error}" if kind == "login" else error or kind
        self._report(now)

    def answered(self, messages: int = 1) -> None:
        """Count messages that the provider took or rejected."""
        self._answered += messages
        self._in_a_row = 0
        self._answered_at = self._monotonic()

    def check(self) -> None:
        """Log the counts once a minute, and the recovery."""
        now = self._monotonic()
        if self._is_announced and self._answered_at > self._failed_at and now - self._failed_at >= RECOVERED_SECONDS:
            self._is_announced = False
            self._log(logger.info, "provider works again", now)
        elif self._failures:
            self._report(now)

    @property
    def problem(self) -> str | None:
        """Return the last failure if no message was taken or rejected after it. One greylisted mail is none."""
        is_recent = self._monotonic() - self._failed_at < WARNING_SECONDS
        if not is_recent or self._in_a_row < DOUBTED_REFUSALS:
            return None
        return f"{self._name} ({self._channel.value}): {self.error}"

    def _report(self, now: float) -> None:
        if now - self._logged_at >= REPORT_SECONDS:
            self._log(logger.warning, "provider still fails" if self._is_announced else "provider fails", now)
            self._is_announced, self._logged_at = True, now

    def _log(self, write: Callable[..., object], event: str, now: float) -> None:
        write(
            event,
            provider=self._name,
            channel=self._channel.value,
            reason=self.error,
            failures=dict(self._failures),
            answered=self._answered,
            seconds=round(now - self._since),
        )
        self._failures.clear()
        self._answered = 0


class ProviderWatch:
    """Watch over all providers of this process. Its lines name codes and fixed words, and never an address."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._providers: dict[str, WatchedProvider] = {}

    def record(self, name: str, channel: Channel, result: SendResult) -> str | None:
        """Note the result of a call. Return the kind of its failure, or None if the message was sent."""
        provider, kind = self._provider(name, channel), failure_kind(result)
        if isinstance(result, Sent | Failed):
            provider.answered()
        elif kind is not None and not _is_our_limit(result):
            provider.failed(kind, result.error)
        return kind

    def record_sent(self, name: str, channel: Channel, messages: int) -> None:
        """Note messages that a provider has taken."""
        self._provider(name, channel).answered(messages)

    def _provider(self, name: str, channel: Channel) -> WatchedProvider:
        provider = self._providers.get(name)
        if provider is None:
            provider = self._providers[name] = WatchedProvider(name, channel, self._monotonic)
        return provider

    def check(self) -> None:
        """Log what is due. The caller does this every few seconds."""
        for provider in self._providers.values():
            provider.check()

    def problem_of(self, name: str) -> str | None:
        """Return why a provider fails, or None."""
        provider = self._providers.get(name)
        return provider.error if provider and provider.problem else None

    def problem(self) -> str | None:
        """Return the providers that fail and why, or None. Those of the installation come first."""
        names = sorted(self._providers, key=is_reference)
        problems = [problem for name in names if (problem := self._providers[name].problem)]
        more = len(problems) - MOST_NAMED
        return ". ".join(problems[:MOST_NAMED] + ([f"{more} more providers fail"] if more > 0 else [])) or None

    def keep_own(self, references: Collection[str]) -> None:
        """Forget the providers of tenants that are not in use any more."""
        for name in [name for name in self._providers if is_reference(name) and name not in references]:
            del self._providers[name]


def _is_our_limit(result: SendResult) -> bool:
    """Return whether no provider was asked, because our connections are busy or the time was over."""
    return isinstance(result, Retry) and not result.offered and not result.unreachable
