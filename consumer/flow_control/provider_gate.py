"""Gate before a provider: no call is made while its breaker is open, or while it is paused for our credentials."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from consumer.flow_control.credential_pause import CredentialPause
from consumer.flow_control.provider_breaker import ProviderBreaker, Recorded
from core.send_result import Retry, SendResult

_ANY_CALL = ""
"""Id of no delivery, for the question whether calls are made at all."""


_NO_TRIAL = nullcontext()
"""Context of a call that is no trial call. One is made for each message, so it must cost nothing."""


class ProviderGate:
    """Breaker and pause of one provider in this process. A call is known by the id of its first message."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._breaker, self._pause = ProviderBreaker(monotonic), CredentialPause(monotonic)
        self._was_closed = True

    @property
    def is_closed(self) -> bool:
        """Return whether nothing keeps calls away, so that none is a trial call."""
        return not self._breaker.is_open and not self._pause.is_open

    def has_changed(self) -> bool:
        """Return whether it was closed or opened since this was asked last. Of many calls that fail, one is told so."""
        was_closed, self._was_closed = self._was_closed, self.is_closed
        return was_closed != self._was_closed

    @property
    def takes_calls(self) -> bool:
        """Return whether a call may be made now."""
        return self.refusal(_ANY_CALL) is None

    @property
    def problem(self) -> str | None:
        """Return why calls are kept away, in fixed words and codes. Return None if they are not."""
        return self._pause.problem or self._breaker.problem

    def refusal(self, call: str) -> Retry | None:
        """Return the result of the messages of a call that may not be made now, or None."""
        return self._pause.refusal(call) or self._breaker.refusal()

    def calling(self) -> AbstractContextManager[None]:
        """Mark the time of a call, so that a trial call is the only one."""
        return _NO_TRIAL if self.is_closed else self._trying()

    @contextmanager
    def _trying(self) -> Iterator[None]:
        tried = [part for part in (self._pause, self._breaker) if part.is_open]
        for part in tried:
            part.is_trying = True
        try:
            yield
        finally:
            for part in tried:
                part.is_trying = False

    def record_sent(self) -> None:
        """Note a call whose messages were all sent, while nothing keeps calls away."""
        self._breaker.record_success()
        self._pause.record_success()

    def record(self, call: str, results: Sequence[Recorded]) -> list[SendResult]:
        """Note the results of a call. Return them with the waits that follow from refused credentials."""
        self._breaker.record(results)
        return self._pause.record(call, [each.result for each in results])
