"""Pause of a provider that refuses our credentials. A wrong password that is tried for each message locks accounts."""

from collections.abc import Callable, Sequence

from core.send_result import Failed, Retry, SendResult, Sent
from schemas.statuses import Reason

FIRST_SECONDS = 30.0
"""Length of the first pause, in seconds. Each trial call that is refused doubles it."""
LONGEST_SECONDS = 600.0
"""Maximum length of a pause, in seconds."""
OTHERS_FIRST_SECONDS = 30.0
"""Time after a pause in which the messages that were refused last leave the trial call to others, in seconds."""
MOST_CALLS = 8
"""Maximum number of calls in a row that must be refused with the same error before a pause."""
MAX_ERRORS = 100
"""Maximum number of errors for which this number is remembered."""


class CredentialPause:
    """Pauses of one provider. At the end of each, one trial call decides whether the next one begins.

    The first refused call begins a pause. A vendor may say the same of one message, and take all others. So the trial
    call is for other messages, if there are any. If it succeeds, twice as many calls in a row must be refused with this
    error before the next pause. A message that is refused each time cannot pause the provider again and again.

    A call is known by the id of its first message.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._refusal: Retry | None = None
        """Last refusal, while the provider may still refuse."""
        self._seconds = self._began_at = 0.0
        """Length of the pause, and the time of the refusal that began it."""
        self._is_confirmed = False
        """True if a trial call for other messages was refused too."""
        self.is_trying = False
        """True while a trial call is under way, so that it is the only one. The gate sets it."""
        self._refused: set[str] = set()
        """Calls that were refused at the last try."""
        self._run: set[str] = set()
        """Calls in a row that were refused and began no pause."""
        self._needed: dict[str | None, int] = {}
        """Number of calls in a row that must be refused before a pause, by error. It is 1 for all others."""

    @property
    def is_open(self) -> bool:
        """Return whether the provider is paused, or its trial call is not answered yet."""
        return self._refusal is not None

    @property
    def problem(self) -> str | None:
        """Return what the provider said when it was paused. Return None if it is not."""
        return f"login refused: {self._refusal.error}" if self._refusal else None

    def refusal(self, call: str) -> Retry | None:
        """Return the result of the messages of a call that may not be made now, or None.

        Its `unreachable` is True if no other call may be made either. Messages that alone must wait stay with this
        provider, because another one would send them back at once.
        """
        if self._refusal is None:
            return None
        now = self._monotonic()
        wait = self._may_try_at(call) - now
        if wait <= 0 and not self.is_trying:
            return None
        is_paused = self.is_trying or self._may_try_at("") > now
        return Retry(self._refusal.reason, self._refusal.error, max(wait, 1.0), offered=False, unreachable=is_paused)

    def record(self, call: str, results: Sequence[SendResult]) -> list[SendResult]:
        """Note the results of a call, and return them with the waits that follow from them.

        If the provider took a message, or refused one for what it is, it knows our credentials.
        """
        refusal = next(filter(None, map(_refusal_of_us, results)), None)
        if any(isinstance(result, Sent) or (isinstance(result, Failed) and result.offered) for result in results):
            self._end(call)
        elif refusal is not None:
            self._refuse(call, refusal)
        is_paused = self._refusal is not None  # else only these messages wait
        wait = self._may_try_at(call) - self._monotonic() if is_paused else FIRST_SECONDS
        return [
            Retry(refused.reason, refused.error, wait, refused.offered, unreachable=is_paused)
            if (refused := _refusal_of_us(result))
            else result
            for result in results
        ]

    def record_success(self) -> None:
        """Note a call whose messages were all sent, while the provider is not paused."""
        self._seconds = 0.0
        self._run.clear()

    def _may_try_at(self, call: str) -> float:
        """Return when this call may be the trial call. A pause is longer than the first one if it is confirmed."""
        if call in self._refused:
            return self._began_at + self._seconds + OTHERS_FIRST_SECONDS
        return self._began_at + (self._seconds if self._is_confirmed else FIRST_SECONDS)

    def _end(self, call: str) -> None:
        if self._refusal is not None and not self._is_confirmed and call not in self._refused:
            error = self._refusal.error
            if error in self._needed or len(self._needed) < MAX_ERRORS:
                self._needed[error] = min(2 * self._needed.get(error, 1), MOST_CALLS)
        self._refusal = None
        self.record_success()

    def _refuse(self, call: str, refusal: Retry) -> None:
        now = self._monotonic()
        if self._refusal is None:
            self._run.add(call)
            if len(self._run) < self._needed.get(refusal.error, 1):
                return
            self._is_confirmed, self._refused, self._run = False, self._run, set()
        elif now < self._may_try_at(call):  # one more answer to the same try
            self._refused.add(call)
            return
        elif call not in self._refused:
            self._is_confirmed, self._refused = True, {call}
            self._needed.pop(refusal.error, None)
        self._refusal = refusal
        self._seconds = min(max(2 * self._seconds, FIRST_SECONDS), LONGEST_SECONDS)
        self._began_at = now


def _refusal_of_us(result: SendResult) -> Retry | None:
    if isinstance(result, Retry) and result.reason is Reason.PROVIDER_REJECTED_CREDENTIALS:
        return result
    return None
