"""Decision about a delivery after the result of a send: an outcome, or another attempt (I4, I7)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple, TypeGuard, assert_never

from core.chunk_work import History, WaitingDelivery
from core.retry import USES_NO_ATTEMPT, RetryPolicy, next_attempt
from core.send_result import Failed, HiddenMessageId, Retry, SendResult, Sent, Uncertain
from schemas.statuses import OnUncertain, Reason, Status

NOT_SENT = frozenset({Status.FAILED, Status.SUPPRESSED, Status.CANCELLED, Status.EXPIRED})
"""Statuses of a delivery that was certainly not sent."""
NOT_SENT_AGAIN = "must not be sent again"
"""Error of a delivery that may have been sent before its address was suppressed or erased. The reason follows."""


class NotSent(Enum):
    """Result of a delivery that was not sent in this window."""

    ALREADY_LOGGED = auto()
    """Delivery whose log exists."""
    MAYBE_SENT = auto()
    """Delivery that a previous owner may have sent, and that must not be sent again."""
    STOPPED = auto()
    """Delivery that this owner did not send, because the request was cancelled or has expired."""
    DEFERRED = auto()
    """Delivery that this owner did not send, because the request is paused, the process stops, or the time is over."""


class Suppressed(NamedTuple):
    """Result of a delivery that was not sent in this window, because its address must not be written to."""

    reason: Reason


class Postponed(NamedTuple):
    """Result of a delivery that was not sent in this window, because it may not be sent before a time.

    It is no retry: it spends no attempt, adds nothing to the age, and leaves a round of the providers as it was.
    """

    until: datetime


@dataclass(slots=True)
class WindowDelivery:
    """Delivery of the window that its owner works on."""

    index: int
    attempts: int
    possibly_sent: bool
    result: SendResult | NotSent | Suppressed | Postponed | None = None
    history: History | None = None

    @property
    def may_have_been_offered(self) -> bool:
        """Return whether a provider was asked in this window, by this owner or perhaps by a previous one."""
        if isinstance(self.result, Retry | Failed):
            return self.result.offered
        return not isinstance(self.result, NotSent | Suppressed | Postponed) or self.result is NotSent.MAYBE_SENT


class Outcome(NamedTuple):
    """Outcome of a delivery."""

    status: Status
    reason: Reason | None = None
    error: str | None = None
    message_id: str | HiddenMessageId | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class OutcomeRules:
    """Everything besides the result that decides about a delivery. The deliveries of a window share one object."""

    on_uncertain: OnUncertain
    provider: str | None
    deduplicates: bool
    """True if the provider honours the delivery id. A repeated call is then safe, and its result ends the doubt."""
    sticky: bool
    """True if the provider is called again because it may already have accepted the deliveries of the window."""
    now: datetime
    retry: RetryPolicy
    jitter: Callable[[], float]
    """Return a number in [0, 1). Each delivery draws its own, so that a window does not come back as one."""
    refused_by: tuple[str, ...] = ()
    """Providers of the route that refused the deliveries before, since their last attempt."""
    another_takes_calls: bool = False
    """True if a provider of the route takes calls now, and has not refused the deliveries since their last attempt."""
    taken_over: bool = False
    """True if a previous owner may have sent the window."""
    is_paid_before: bool = False
    """True if an earlier try counts as paid, and the provider deduplicates. It bills a delivery once."""
    is_withdrawn: bool = False
    """True if a tenant has changed or deleted the provider. Whether it deduplicates is not known any more."""
    stopped_as: Status = Status.CANCELLED
    stop_detail: str | None = None

    @property
    def record_before_log(self) -> bool:
        """Return whether `not sent` must be in the chunk before the log, because another owner may be sending again."""
        return self.on_uncertain is OnUncertain.RESEND or self.deduplicates or self.is_withdrawn


def decide(entry: WindowDelivery, rules: OutcomeRules) -> Outcome | WaitingDelivery | None:
    """Return the outcome, or the delivery that waits for its next attempt. Return None if the log already exists."""
    match entry.result:
        case Sent() as sent:
            return Outcome(Status.SENT, None, None, *sent)
        case Failed() | Suppressed():
            return _final_outcome_not_sent(entry, entry.result, rules)
        case Retry():
            return _try_again(entry, entry.result, rules)
        case Uncertain():
            return _uncertain(entry, entry.result, rules)
        case NotSent.ALREADY_LOGGED:
            return None
        case NotSent.MAYBE_SENT:
            return Outcome(Status.UNKNOWN, Reason.INTERRUPTED)
        case NotSent.STOPPED:
            return outcome_of_stop(rules.stopped_as, rules.stop_detail, doubted=entry.possibly_sent or rules.sticky)
        case NotSent.DEFERRED | Postponed():
            return _put_back(entry, rules)
        case None:
            raise AssertionError("every delivery of a window has a result before it is decided")
        case _:
            assert_never(entry.result)


def _put_back(entry: WindowDelivery, rules: OutcomeRules) -> WaitingDelivery:
    """Return a delivery as it was before its window, to be tried at once or when it may be sent."""
    not_before, history = rules.now, entry.history
    if isinstance(entry.result, Postponed):
        not_before = entry.result.until
        if not rules.refused_by:  # The last answer of a provider counts until its round has ended.
            history = in_quiet_hours(history)
    provider = rules.provider if rules.sticky else None
    return WaitingDelivery(
        entry.index, entry.attempts, not_before, entry.possibly_sent, provider, history, rules.refused_by
    )


def in_quiet_hours(history: History | None = None) -> History:
    """Return the history of a delivery that waits for its send window. Its age stays."""
    waited, provider = (history.waited, history.provider) if history else (timedelta(), None)
    return History(waited, Reason.QUIET_HOURS, provider)


_STOPS = {
    Status.CANCELLED: Reason.CANCELLED,
    Status.EXPIRED: Reason.EXPIRED,
    Status.FAILED: Reason.UNPROCESSABLE,
}


def outcome_of_stop(status: Status, why: str | None = None, *, doubted: bool) -> Outcome:
    """Return the outcome of a delivery that a stop ends: cancelled, expired or failed, and unknown if it is doubted."""
    return Outcome(Status.UNKNOWN, Reason.NO_ANSWER, why) if doubted else Outcome(status, _STOPS[status], why)


def outcome_of_stopped_delivery(status: Status, line: WaitingDelivery, why: str | None) -> Outcome:
    """Return the outcome of a waiting delivery that a stop ends."""
    return outcome_of_stop(status, why, doubted=line.possibly_sent or line.pinned_provider is not None)


def _final_outcome_not_sent(entry: WindowDelivery, result: Failed | Suppressed, rules: OutcomeRules) -> Outcome:
    if isinstance(result, Failed):
        # Only the answer of a provider tells what an earlier call did. An earlier owner may have made the text, for
        # example under a higher limit, and sent it.
        doubted = entry.possibly_sent or (rules.sticky and not result.offered)
        return _outcome_not_sent(result.reason, result.error, doubted=doubted)
    if entry.possibly_sent or rules.sticky:
        return Outcome(Status.UNKNOWN, Reason.NO_ANSWER, f"{NOT_SENT_AGAIN}: {result.reason}")
    return Outcome(Status.CANCELLED if result.reason is Reason.ERASED else Status.SUPPRESSED, result.reason)


def _outcome_not_sent(reason: Reason, error: str | None, *, doubted: bool) -> Outcome:
    """Return failed, or unknown if the delivery was ever uncertain. Such a delivery never ends as not sent."""
    return Outcome(Status.UNKNOWN, Reason.NO_ANSWER, error) if doubted else Outcome(Status.FAILED, reason, error)


def _try_again(
    entry: WindowDelivery, answer: Retry | Uncertain, rules: OutcomeRules, *, sticky: bool = False
) -> Outcome | WaitingDelivery:
    sticky = sticky or rules.sticky
    waited = entry.history.waited if entry.history else timedelta()
    if not (sticky or entry.possibly_sent) and rules.another_takes_calls and _is_refusal(answer):
        # A provider that was not called takes no calls now, and so is not asked again at once either.
        refused = (rules.provider,) if rules.provider and answer.offered else ()
        history = History(waited, answer.reason, rules.provider)
        return WaitingDelivery(
            entry.index, entry.attempts, rules.now, history=history, refused_by=rules.refused_by + refused
        )
    following = next_attempt(
        answer,
        entry.attempts,
        refused_before=bool(rules.refused_by and entry.history and entry.history.reason not in USES_NO_ATTEMPT),
        waited=waited,
        now=rules.now,
        policy=rules.retry,
        rng=rules.jitter,
    )
    if following is None:
        credentials = answer.reason is Reason.PROVIDER_REJECTED_CREDENTIALS
        reason = answer.reason if credentials else Reason.GAVE_UP
        return _outcome_not_sent(reason, answer.error or answer.reason.value, doubted=entry.possibly_sent or sticky)
    history = History(following.waited, answer.reason, rules.provider)
    provider = rules.provider if sticky else None
    # Each wait ends the round, so that the first provider of the route is asked again. After no answer it is the next.
    is_next_asked = isinstance(answer, Uncertain) and not sticky and rules.another_takes_calls
    refused_by = (*rules.refused_by, rules.provider) if is_next_asked and rules.provider else ()
    return WaitingDelivery(
        entry.index, following.attempts, following.not_before, entry.possibly_sent, provider, history, refused_by
    )


def _is_refusal(answer: Retry | Uncertain) -> TypeGuard[Retry]:
    """Return whether the provider took nothing and another one may be asked at once. A rate limit is no refusal."""
    if not isinstance(answer, Retry):
        return False
    return answer.unreachable or (answer.offered and answer.reason is not Reason.RATE_LIMITED)


def _uncertain(entry: WindowDelivery, answer: Uncertain, rules: OutcomeRules) -> Outcome | WaitingDelivery:
    if rules.deduplicates:
        return _try_again(entry, answer, rules, sticky=True)
    if rules.on_uncertain is OnUncertain.MARK_UNKNOWN:
        return Outcome(Status.UNKNOWN, answer.reason, answer.error)
    entry.possibly_sent = True
    return _try_again(entry, answer, rules)
