"""What an answer means for its delivery: ended with an outcome, or to be tried again (I4, I7)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple, assert_never

from core.chunk_work import Line
from core.retry import RetryPolicy, next_attempt
from core.send_result import Answer, Failed, Retry, Sent, Uncertain
from schemas.statuses import OnUncertain, Reason, Status


class Mark(Enum):
    """What is known of a delivery of a window without asking a provider."""

    STANDS = auto()
    """Its log exists."""
    LOST = auto()
    """An earlier owner may have sent it, and it must not be sent again."""
    STOPPED = auto()
    """The request was cancelled, or has expired; this owner did not send it."""
    PUT_BACK = auto()
    """This owner did not send it: the request is paused, the process stops, or the time is over."""


@dataclass(slots=True)
class Entry:
    """One delivery of the window that its owner works on."""

    index: int
    attempts: int
    tainted: bool
    answer: Answer | Mark | None = None


class Ended(NamedTuple):
    """The outcome of a delivery."""

    status: Status
    reason: Reason | None = None
    error: str | None = None
    message_id: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
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
    why_stopped: str | None = None

    @property
    def careful(self) -> bool:
        """Whether `not sent` must be in the chunk before it is in a log: another owner may be sending it again."""
        return self.on_uncertain is OnUncertain.RESEND or self.deduplicates


def verdict(entry: Entry, rules: Rules) -> Ended | Line | None:
    """The outcome, or the line that waits for the next attempt; None: the log that stands has the answer."""
    match entry.answer:
        case Sent() as sent:
            return Ended(Status.SENT, None, None, *sent)
        case Failed(reason, error):
            return _not_sent(reason, error, doubted=entry.tainted)
        case Retry():
            return _try_again(entry, entry.answer, rules)
        case Uncertain():
            return _uncertain(entry, entry.answer, rules)
        case Mark.STANDS:
            return None
        case Mark.LOST:
            return Ended(Status.UNKNOWN, Reason.INTERRUPTED)
        case Mark.STOPPED:
            return stopped(rules.stopped_as, rules.why_stopped, doubted=entry.tainted or rules.sticky)
        case Mark.PUT_BACK:
            provider = rules.provider if rules.sticky else None
            return Line(entry.index, entry.attempts, rules.now, entry.tainted, provider)
        case None:
            raise AssertionError("every delivery of a window is answered before it is judged")
        case _:
            assert_never(entry.answer)


_STOPS = {
    Status.CANCELLED: Reason.CANCELLED,
    Status.EXPIRED: Reason.EXPIRED,
    Status.FAILED: Reason.UNPROCESSABLE,
}


def stopped(status: Status, why: str | None = None, *, doubted: bool) -> Ended:
    """How a stop ends what was not sent: cancelled, expired, or failed; what is in doubt stays in doubt."""
    return Ended(Status.UNKNOWN, Reason.NO_ANSWER, why) if doubted else Ended(status, _STOPS[status], why)


def stopped_line(status: Status, line: Line, why: str | None) -> Ended:
    """How a stop ends a delivery that waits."""
    return stopped(status, why, doubted=line.tainted or line.sticky is not None)


def _not_sent(reason: Reason, error: str | None, *, doubted: bool) -> Ended:
    """A delivery once uncertain never ends as not sent."""
    return Ended(Status.UNKNOWN, Reason.NO_ANSWER, error) if doubted else Ended(Status.FAILED, reason, error)


def _try_again(entry: Entry, answer: Retry | Uncertain, rules: Rules, *, sticky: bool = False) -> Ended | Line:
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
        return _not_sent(Reason.GAVE_UP, answer.error or answer.reason.value, doubted=entry.tainted or sticky)
    attempts, not_before = following
    return Line(entry.index, attempts, not_before, entry.tainted, rules.provider if sticky else None)


def _uncertain(entry: Entry, answer: Uncertain, rules: Rules) -> Ended | Line:
    if rules.deduplicates:
        return _try_again(entry, answer, rules, sticky=True)
    if rules.on_uncertain is OnUncertain.MARK_UNKNOWN:
        return Ended(Status.UNKNOWN, answer.reason, answer.error)
    entry.tainted = True
    return _try_again(entry, answer, rules)
