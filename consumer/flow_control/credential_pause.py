"""Pause of a provider that refuses our credentials. A wrong password that is tried for each message locks accounts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.send_result import Failed, Retry, SendResult, Sent
from schemas.statuses import Reason

FIRST_SECONDS = 30.0
"""Length of the first pause, in seconds. Each trial call that is refused doubles it."""
LONGEST_SECONDS = 600.0
"""Maximum length of a pause, in seconds."""


class CredentialPause:
    """Pauses of one provider. At the end of each, one trial call decides whether the next one begins."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._refusal: Retry | None = None
        self._seconds = 0.0
        self._ends_at = 0.0
        self._is_trying = False

    def refusal(self) -> Retry | None:
        """Return the result of a message that may not be sent now, or None if a call may be made."""
        if self._refusal is None:
            return None
        wait = self._ends_at - self._monotonic()
        if wait <= 0 and not self._is_trying:
            return None
        return Retry(self._refusal.reason, self._refusal.error, max(wait, 1.0), offered=False, unreachable=True)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Mark the time of a call, so that only one is made while the provider may still refuse."""
        is_trial = self._refusal is not None
        self._is_trying = self._is_trying or is_trial
        try:
            yield
        finally:
            if is_trial:
                self._is_trying = False

    def record(self, result: SendResult) -> SendResult:
        """Note the result of a message, and return it with the wait that follows from it."""
        if not isinstance(result, Retry) or result.reason is not Reason.PROVIDER_REJECTED_CREDENTIALS:
            if isinstance(result, Sent | Failed):
                self._refusal, self._seconds = None, 0.0
            return result
        now = self._monotonic()
        if self._refusal is None or now >= self._ends_at:  # not one more answer to the same try
            self._seconds = min(max(2 * self._seconds, FIRST_SECONDS), LONGEST_SECONDS)
            self._ends_at = now + self._seconds
        self._refusal = result
        return Retry(result.reason, result.error, self._ends_at - now, result.offered, unreachable=True)
