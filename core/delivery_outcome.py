"""What an answer means for its delivery: ended with an outcome, or to be tried again (I4, I7)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple, assert_never

from core.chunk_work import WaitingDelivery
from core.retry import RetryPolicy, next_attempt
from core.send_result import Failed, Retry, SendResult, Sent, Uncertain
from schemas.statuses import OnUncertain, Reason, Status


class NotSent(Enum):
    """What is known of a delivery of a window without asking a provider."""

    ALREADY_LOGGED = auto()
    """Its log exists."""
    MAYBE_SENT = auto()
    """An earlier owner may have sent it, and it must not be sent again."""
    STOPPED = auto()
    """The request was cancelled, or has expired; this owner did not send it."""
    DEFERRED = auto()
    """This owner did not send it: the request is paused, the process stops, or the time is over."""


@dataclass(slots=True)
class WindowDelivery:
    """One delivery of the window that its owner works on."""

    index: int
    attempts: int
    possibly_sent: bool
    result: SendResult | NotSent | None = None


class Outcome(NamedTuple):
    """The outcome of a delivery."""

    status: Status
    reason: Reason | None = None
    error: str | None = None
    message_id: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class OutcomeRules:
    """What decides beside the answer; one for a window."""

    on_uncertain: OnUncertain
    provider: str | None
    deduplicates: bool
    """This provider honours the delivery id: asking it again is safe, and its answer removes its own doubt."""
    sticky: bool
    """This provider may have taken the window's deliveries already, and was asked again for that reason."""
    providers: int
    """How many providers the channel has."""
    started_at: datetime
    """When the request was accepted, or its send_at: age counts from here."""
    now: datetime
    retry: RetryPolicy
    jitter: Callable[[], float]
    """Numbers in [0, 1); one draw a window keeps its retries together."""
    stopped_as: Status = Status.CANCELLED
    stop_detail: str | None = None

    @property
    def record_before_log(self) -> bool:
        """Whether `not sent` must be in the chunk before it is in a log: another owner may be sending it again."""
        return self.on_uncertain is OnUncertain.RESEND or self.deduplicates


def decide(entry: WindowDelivery, rules: OutcomeRules) -> Outcome | WaitingDelivery | None:
    """The outcome, or the line that waits for the next attempt; None: the log that stands has the answer."""
    match entry.result:
        case Sent() as sent:
            return Outcome(Status.SENT, None, None, *sent)
        case Failed(reason, error):
            return _outcome_not_sent(reason, error, doubted=entry.possibly_sent)
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
        case NotSent.DEFERRED:
            provider = rules.provider if rules.sticky else None
            return WaitingDelivery(entry.index, entry.attempts, rules.now, entry.possibly_sent, provider)
        case None:
            raise AssertionError("every delivery of a window is answered before it is judged")
        case _:
            assert_never(entry.answer)


_STOPS = {
    Status.CANCELLED: Reason.CANCELLED,
    Status.EXPIRED: Reason.EXPIRED,
    Status.FAILED: Reason.UNPROCESSABLE,
}


def outcome_of_stop(status: Status, why: str | None = None, *, doubted: bool) -> Outcome:
    """How a stop ends what was not sent: cancelled, expired, or failed; what is in doubt stays in doubt."""
    return Outcome(Status.UNKNOWN, Reason.NO_ANSWER, why) if doubted else Outcome(status, _STOPS[status], why)


def outcome_of_stopped_delivery(status: Status, line: WaitingDelivery, why: str | None) -> Outcome:
    """How a stop ends a delivery that waits."""
    return outcome_of_stop(status, why, doubted=line.possibly_sent or line.pinned_provider is not None)


def _outcome_not_sent(reason: Reason, error: str | None, *, doubted: bool) -> Outcome:
    """A delivery once uncertain never ends as not sent."""
    return Outcome(Status.UNKNOWN, Reason.NO_ANSWER, error) if doubted else Outcome(Status.FAILED, reason, error)


def _try_again(
    entry: WindowDelivery, answer: Retry | Uncertain, rules: OutcomeRules, *, sticky: bool = False
) -> Outcome | WaitingDelivery:
    sticky = sticky or rules.sticky
    spent = entry.attempts + 1
    following = next_attempt(
        answer,
        entry.attempts,
        other_provider=not sticky and rules.providers > 1 and spent % rules.providers != 0,
        started_at=rules.started_at,
        now=rules.now,
        policy=rules.retry,
        rng=rules.jitter,
    )
    if following is None:
        return _outcome_not_sent(
            Reason.GAVE_UP, answer.error or answer.reason.value, doubted=entry.possibly_sent or sticky
        )
    attempts, not_before = following
    return WaitingDelivery(entry.index, attempts, not_before, entry.possibly_sent, rules.provider if sticky else None)


def _uncertain(entry: WindowDelivery, answer: Uncertain, rules: OutcomeRules) -> Outcome | WaitingDelivery:
    if rules.deduplicates:
        return _try_again(entry, answer, rules, sticky=True)
    if rules.on_uncertain is OnUncertain.MARK_UNKNOWN:
        return Outcome(Status.UNKNOWN, answer.reason, answer.error)
    entry.possibly_sent = True
    return _try_again(entry, answer, rules)
