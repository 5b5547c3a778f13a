"""Results of a window, turned into logs, retries and decisions. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from consumer.deliver.chunk_rules import Stop
from core.chunk_work import DecidedDelivery, WaitingDelivery
from core.delivery_outcome import (
    NOT_SENT,
    NotSent,
    Outcome,
    OutcomeRules,
    Postponed,
    Suppressed,
    WindowDelivery,
    decide,
    outcome_of_stopped_delivery,
)
from core.send_result import SendResult, Sent, Uncertain


class FinalOutcome(NamedTuple):
    """The outcome of one delivery, as its log needs it. A tuple, because one is made for each delivery."""

    recipient_index: int
    outcome: Outcome
    attempts: int
    provider: str | None
    paid: bool = False
    """True if the last try may have cost something."""


@dataclass(slots=True)
class WindowOutcomes:
    """The logs, retries and decisions that follow from the results of a window."""

    final: list[FinalOutcome] = field(default_factory=list)
    """Outcomes to be logged now."""
    retries: list[WaitingDelivery] = field(default_factory=list)
    """Deliveries to be tried again."""
    unsent_decisions: list[DecidedDelivery] = field(default_factory=list)
    """Outcomes to be stored in the chunk first. They are logged after the next advance."""

    def add(self, other: "WindowOutcomes") -> None:
        """Append the outcomes of other deliveries."""
        self.final += other.final
        self.retries += other.retries
        self.unsent_decisions += other.unsent_decisions


def decide_window(entries: Iterable[WindowDelivery], rules: OutcomeRules, stop: Stop | None) -> WindowOutcomes:
    """Decide on every delivery with a result. A stop turns retries into outcomes."""
    outcomes, chunk_first = WindowOutcomes(), rules.record_before_log
    for entry in entries:
        decision = decide(entry, rules)
        if decision is None:
            continue
        if isinstance(decision, WaitingDelivery):
            if stop is None:
                outcomes.retries.append(decision)
                continue
            decision = outcome_of_stopped_delivery(stop.status, decision, stop.detail)
        attempts = entry.attempts + entry.may_have_been_offered
        provider = rules.provider if attempts else None  # A cancelled delivery may never have reached the provider.
        final = FinalOutcome(entry.index, decision, attempts, provider, _may_cost(entry.result, rules))
        _add_outcome(outcomes, final, chunk_first=chunk_first)
    return outcomes


def _may_cost(result: SendResult | NotSent | Suppressed | Postponed | None, rules: OutcomeRules) -> bool:
    """Return whether the provider may bill the message for this window, from this owner or the previous one."""
    if rules.is_paid_before:
        return False
    return isinstance(result, Sent | Uncertain) or (
        rules.taken_over and (rules.deduplicates or result is NotSent.MAYBE_SENT)
    )


def stop_waiting(waiting: Iterable[WaitingDelivery], stop: Stop) -> WindowOutcomes:
    """End the deliveries that are in no window.

    A cancel and an expiry stop every owner. If this owner gave up by itself, a later owner could send a delivery that
    already has a log. So *not sent* must be stored in the chunk first.
    """
    outcomes = WindowOutcomes()
    for delivery in waiting:
        outcome = outcome_of_stopped_delivery(stop.status, delivery, stop.detail)
        final = FinalOutcome(delivery.index, outcome, delivery.attempts, None)
        _add_outcome(outcomes, final, chunk_first=stop.detail is not None)
    return outcomes


def _add_outcome(outcomes: WindowOutcomes, final: FinalOutcome, *, chunk_first: bool) -> None:
    """Log the outcome now, or store it in the chunk first if it says *not sent* and another owner may be sending."""
    status, reason, error = final.outcome.status, final.outcome.reason, final.outcome.error
    if chunk_first and reason and status in NOT_SENT:
        decided = DecidedDelivery(final.recipient_index, status, reason, error, final.provider, final.attempts)
        outcomes.unsent_decisions.append(decided)
    else:
        outcomes.final.append(final)
