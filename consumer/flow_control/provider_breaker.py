"""Circuit breaker of a provider. While it is open, no call is made, and no attempt is spent.

It is closed while the provider works, and opens after failures. When its time is over, it is half-open: one trial call
decides whether it closes, or opens for twice the time. Refused credentials have a pause of their own
(credential_pause.py).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.send_result import Retry, SendResult, Uncertain
from schemas.statuses import Reason

FAILURES_IN_A_ROW = 10
"""Number of failed calls without another call between them that opens the breaker."""
FAILURE_SHARE = 0.5
"""Share of failed calls that opens the breaker, among at least SHARE_CALLS calls within SHARE_SECONDS."""
SHARE_CALLS = 100
"""Number of calls within SHARE_SECONDS below which their share says nothing."""
SHARE_SECONDS = 10.0
"""Time after which the count of calls begins anew, in seconds."""
FAILURE_KINDS = frozenset({"refused", "timeout", "cut", "network", "tls", "5xx", "no_answer", "unavailable"})
"""Kinds of failures that say something about the provider (providers/failure_kinds.py).

A `4xx` of a mail server is about one recipient, such as greylisting. A 429 has its own wait.
"""
FIRST_SECONDS = 5.0
"""Time for which a breaker is open at first, in seconds. Each trial call that fails doubles it."""
LONGEST_SECONDS = 60.0
"""Maximum time for which it is open, in seconds."""


class Recorded(NamedTuple):
    """Result of a message, and the kind of its failure."""

    result: SendResult
    kind: str | None


class ProviderBreaker:
    """Breaker of one provider in this process."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._cause: Retry | None = None
        """Failure that opened it. None while it is closed."""
        self._seconds = self._ends_at = 0.0
        self.is_trying = False
        """True while a trial call is under way, so that it is the only one. The gate sets it."""
        self._in_a_row = self._failures = self._calls = 0
        self._counted_since = monotonic()

    @property
    def is_open(self) -> bool:
        """Return whether it is open or half-open."""
        return self._cause is not None

    @property
    def problem(self) -> str | None:
        """Return why it is open or half-open, in fixed words and codes. Return None if it is closed."""
        return (self._cause.error or self._cause.reason.value) if self._cause else None

    @property
    def takes_calls(self) -> bool:
        """Return whether a call may be made now. It is the trial call if the breaker is half-open."""
        return self._cause is None or (self._monotonic() >= self._ends_at and not self.is_trying)

    def refusal(self) -> Retry | None:
        """Return the result of a message that may not be sent now, or None if a call may be made."""
        if self._cause is None or self.takes_calls:
            return None
        wait = max(self._ends_at - self._monotonic(), 1.0)
        return Retry(self._cause.reason, self._cause.error, wait, offered=False, unreachable=True)

    def record(self, results: Sequence[Recorded]) -> None:
        """Note the results of one call."""
        for result, _ in results:
            if isinstance(result, Retry) and result.unreachable:
                self._open(result)
                return
        if results:
            self._count_call(results)

    def record_success(self) -> None:
        """Note a call that is no failure, while the breaker is closed."""
        self._count(is_failure=False)

    def _count_call(self, results: Sequence[Recorded]) -> None:
        """Count a call as a failure if each of its messages failed. One that is refused for good is no failure."""
        last = results[-1].result
        if isinstance(last, Retry | Uncertain) and all(_is_failure(one) for one in results):
            self._count(is_failure=True)
            if self._opens():
                self._open(Retry(Reason.UNAVAILABLE, last.error))
        else:
            self._count(is_failure=False)
            if self.is_trying:
                self._close()

    def _count(self, *, is_failure: bool) -> None:
        now = self._monotonic()
        if now - self._counted_since >= SHARE_SECONDS:
            self._counted_since, self._failures, self._calls = now, 0, 0
        self._calls += 1
        self._failures += is_failure
        self._in_a_row = self._in_a_row + 1 if is_failure else 0

    def _opens(self) -> bool:
        if self.is_trying or self._in_a_row >= FAILURES_IN_A_ROW:
            return True
        return self._calls >= SHARE_CALLS and self._failures >= FAILURE_SHARE * self._calls

    def _open(self, cause: Retry) -> None:
        """Open it. More failures of the same time change nothing."""
        now = self._monotonic()
        if self._cause is None or now >= self._ends_at:
            self._seconds = min(max(2 * self._seconds, FIRST_SECONDS), LONGEST_SECONDS)
            self._ends_at = now + self._seconds
        self._cause = cause

    def _close(self) -> None:
        self._cause, self._seconds = None, 0.0
        self._in_a_row = self._failures = self._calls = 0


def _is_failure(one: Recorded) -> bool:
    return isinstance(one.result, Retry | Uncertain) and one.kind in FAILURE_KINDS
