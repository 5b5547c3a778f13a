"""The results of a window become logs, retries, and decisions that the chunk stores first."""

from datetime import UTC, datetime, timedelta

import pytest

from consumer.deliver.chunk_rules import Stop
from consumer.deliver.window_outcomes import FinalOutcome, decide_window, stop_waiting
from core.chunk_work import NEVER_TRIED, DecidedDelivery, WaitingDelivery
from core.delivery_outcome import NotSent, Outcome, OutcomeRules, WindowDelivery
from core.retry import RetryPolicy
from core.send_result import Failed, Retry, SendResult, Sent
from schemas.statuses import OnUncertain, Reason, Status

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RESEND, MARK_UNKNOWN = OnUncertain.RESEND, OnUncertain.MARK_UNKNOWN
SENT, FAILED, BUSY = Sent("m-1", "202"), Failed(Reason.REJECTED, "400"), Retry(Reason.UNAVAILABLE, "503")


def rules(*, on_uncertain: OnUncertain = MARK_UNKNOWN, deduplicates: bool = False) -> OutcomeRules:
    return OutcomeRules(
        on_uncertain=on_uncertain,
        provider="first",
        deduplicates=deduplicates,
        sticky=False,
        now=NOW,
        retry=RetryPolicy(3, timedelta(days=1)),
        jitter=lambda: 0.5,
    )


def delivery(result: SendResult | NotSent, *, index: int = 7, attempts: int = 0) -> WindowDelivery:
    return WindowDelivery(index, attempts, possibly_sent=False, result=result)


def test_each_result_goes_to_one_place() -> None:
    window = [delivery(SENT, index=0), delivery(FAILED, index=1), delivery(BUSY, index=2)]
    outcomes = decide_window([*window, delivery(NotSent.ALREADY_LOGGED, index=3)], rules(), None)
    assert [final.recipient_index for final in outcomes.final] == [0, 1]
    assert [waiting.index for waiting in outcomes.retries] == [2]
    assert not outcomes.unsent_decisions


def test_an_answer_counts_as_an_attempt_at_its_provider() -> None:
    [final] = decide_window([delivery(SENT, attempts=1)], rules(), None).final
    assert final == FinalOutcome(7, Outcome(Status.SENT, None, None, "m-1", "202"), 2, "first", paid=True)


def test_a_lost_attempt_counts_as_an_attempt() -> None:
    [final] = decide_window([delivery(NotSent.MAYBE_SENT)], rules(), None).final
    assert (final.outcome.status, final.attempts, final.provider) == (Status.UNKNOWN, 1, "first")


def test_a_delivery_that_was_stopped_before_its_first_attempt_names_no_provider() -> None:
    [final] = decide_window([delivery(NotSent.STOPPED)], rules(), Stop(Status.CANCELLED)).final
    assert (final.outcome.status, final.attempts, final.provider) == (Status.CANCELLED, 0, None)


@pytest.mark.parametrize("other", [rules(on_uncertain=RESEND), rules(deduplicates=True)])
def test_not_sent_is_stored_in_the_chunk_before_its_log_if_another_owner_may_be_sending(other: OutcomeRules) -> None:
    outcomes = decide_window([delivery(FAILED), delivery(SENT, index=8)], other, None)
    assert outcomes.unsent_decisions == [DecidedDelivery(7, Status.FAILED, Reason.REJECTED, "400", "first", 1)]
    assert [final.recipient_index for final in outcomes.final] == [8]


def test_a_stop_ends_a_retry() -> None:
    outcomes = decide_window([delivery(BUSY)], rules(), Stop(Status.EXPIRED))
    assert not outcomes.retries
    assert [(final.outcome.status, final.attempts) for final in outcomes.final] == [(Status.EXPIRED, 1)]


def test_a_stop_ends_the_deliveries_that_wait() -> None:
    waiting = [
        WaitingDelivery(0, 0, NEVER_TRIED),
        WaitingDelivery(1, 2, NOW, possibly_sent=True),
        WaitingDelivery(2, 1, NOW, pinned_provider="first"),
    ]
    outcomes = stop_waiting(waiting, Stop(Status.CANCELLED))
    ended = [(final.recipient_index, final.outcome.status, final.attempts, final.provider) for final in outcomes.final]
    assert ended == [
        (0, Status.CANCELLED, 0, None),
        (1, Status.UNKNOWN, 2, None),
        (2, Status.UNKNOWN, 1, None),
    ]


def test_an_owner_that_gives_up_by_itself_stores_not_sent_in_the_chunk_first() -> None:
    waiting = [WaitingDelivery(0, 0, NEVER_TRIED), WaitingDelivery(1, 2, NOW, possibly_sent=True)]
    outcomes = stop_waiting(waiting, Stop(Status.FAILED, "no key"))
    assert outcomes.unsent_decisions == [DecidedDelivery(0, Status.FAILED, Reason.UNPROCESSABLE, "no key")]
    assert [(final.recipient_index, final.outcome.status) for final in outcomes.final] == [(1, Status.UNKNOWN)]


def test_outcomes_are_added_in_order() -> None:
    first = decide_window([delivery(SENT), delivery(BUSY)], rules(), None)
    first.add(decide_window([delivery(FAILED, index=8)], rules(), None))
    assert [final.recipient_index for final in first.final] == [7, 8]
    assert len(first.retries) == 1
