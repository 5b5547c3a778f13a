"""Outcome of a delivery for every result, policy and doubt."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.deliver.send_window import NO_PROVIDER
from core.chunk_work import History, WaitingDelivery
from core.delivery_outcome import (
    NotSent,
    Outcome,
    OutcomeRules,
    Postponed,
    Suppressed,
    WindowDelivery,
    decide,
    outcome_of_stop,
)
from core.retry import RetryPolicy
from core.send_result import Failed, Retry, SendResult, Sent, Uncertain
from providers.provider import NO_FREE_CONNECTION
from schemas.statuses import OnUncertain, Reason, Status
from tests.support.builders import OUTCOMES

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SENT, FAILED = Sent("m-1", "202"), Failed(Reason.REJECTED, "400")
REFUSED, THROTTLED = Retry(Reason.UNAVAILABLE, "503"), Retry(Reason.RATE_LIMITED, delay_seconds=30)
WRONG_KEY = Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, "HTTP 401", 30, unreachable=True)
SILENCE = Uncertain(Reason.NO_ANSWER, "time-out")


def rules(
    *,
    on_uncertain: OnUncertain = OnUncertain.MARK_UNKNOWN,
    deduplicates: bool = False,
    sticky: bool = False,
    refused_by: tuple[str, ...] = (),
    another: bool = False,
    max_attempts: int = 3,
    stopped_as: Status = Status.CANCELLED,
) -> OutcomeRules:
    return OutcomeRules(
        on_uncertain=on_uncertain,
        provider="first",
        deduplicates=deduplicates,
        sticky=sticky,
        refused_by=refused_by,
        another_takes_calls=another,
        now=NOW,
        retry=RetryPolicy(max_attempts, timedelta(days=1)),
        jitter=lambda: 0.5,
        stopped_as=stopped_as,
    )


def an_entry(
    answer: SendResult | NotSent | Suppressed | Postponed,
    *,
    attempts: int = 0,
    tainted: bool = False,
    history: History | None = None,
) -> WindowDelivery:
    return WindowDelivery(7, attempts, tainted, answer, history)


def test_a_sent_result_is_sent_whatever_came_before() -> None:
    found = decide(an_entry(SENT, tainted=True), rules())
    assert found == Outcome(Status.SENT, None, None, "m-1", "202")


def test_a_permanent_rejection_is_failed_with_the_reason_of_the_provider() -> None:
    assert decide(an_entry(FAILED), rules()) == Outcome(Status.FAILED, Reason.REJECTED, "400")


@pytest.mark.parametrize(("tainted", "sticky"), [(False, False), (True, False), (False, True)])
def test_a_text_that_cannot_be_made_is_failed_unless_an_earlier_owner_may_have_sent_it(
    *, tainted: bool, sticky: bool
) -> None:
    entry = an_entry(Failed(Reason.INVALID_CONTENT, "too long", offered=False), tainted=tainted)
    in_doubt = Outcome(Status.UNKNOWN, Reason.NO_ANSWER, "too long")
    certain = Outcome(Status.FAILED, Reason.INVALID_CONTENT, "too long")
    assert decide(entry, rules(sticky=sticky)) == (in_doubt if tainted or sticky else certain)
    assert not entry.may_have_been_offered


@pytest.mark.parametrize(("tainted", "sticky"), [(False, False), (True, False), (False, True)])
def test_a_suppressed_address_ends_a_delivery_as_suppressed_unless_it_may_have_been_sent(
    *, tainted: bool, sticky: bool
) -> None:
    entry = an_entry(Suppressed(Reason.OPTED_OUT), tainted=tainted)
    in_doubt = Outcome(Status.UNKNOWN, Reason.NO_ANSWER, "must not be sent again: opted_out")
    certain = Outcome(Status.SUPPRESSED, Reason.OPTED_OUT)
    assert decide(entry, rules(sticky=sticky)) == (in_doubt if tainted or sticky else certain)
    assert not entry.may_have_been_offered


LATER = NOW + timedelta(hours=9)
AN_HOUR_OLD = History(timedelta(hours=1), Reason.UNAVAILABLE, "first")


@pytest.mark.parametrize(
    ("tainted", "sticky", "refused_by", "history", "shown"),
    [
        (False, False, (), None, History(timedelta(), Reason.QUIET_HOURS, None)),
        (True, False, (), AN_HOUR_OLD, History(timedelta(hours=1), Reason.QUIET_HOURS, "first")),
        (False, True, ("zero",), AN_HOUR_OLD, AN_HOUR_OLD),
    ],
)
def test_a_delivery_that_may_not_be_sent_yet_is_put_back_as_it_was(
    *, tainted: bool, sticky: bool, refused_by: tuple[str, ...], history: History | None, shown: History
) -> None:
    entry = an_entry(Postponed(LATER), attempts=2, tainted=tainted, history=history)
    expected = WaitingDelivery(7, 2, LATER, tainted, "first" if sticky else None, shown, refused_by)
    assert decide(entry, rules(sticky=sticky, refused_by=refused_by)) == expected
    assert not entry.may_have_been_offered


def test_a_logged_delivery_has_no_new_outcome() -> None:
    assert decide(an_entry(NotSent.ALREADY_LOGGED), rules()) is None


def test_a_delivery_that_may_have_been_sent_is_unknown() -> None:
    assert decide(an_entry(NotSent.MAYBE_SENT), rules()) == Outcome(Status.UNKNOWN, Reason.INTERRUPTED)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED])
def test_a_stop_ends_an_unsent_delivery_and_keeps_a_doubted_one_unknown(status: Status) -> None:
    plain = decide(an_entry(NotSent.STOPPED), rules(stopped_as=status))
    assert isinstance(plain, Outcome)
    assert plain.status is status
    assert outcome_of_stop(status, doubted=True).status is Status.UNKNOWN
    in_doubt = decide(an_entry(NotSent.STOPPED, tainted=True), rules(stopped_as=status))
    assert isinstance(in_doubt, Outcome)
    assert in_doubt.status is Status.UNKNOWN


def test_a_temporary_refusal_is_tried_again_later_and_uses_an_attempt() -> None:
    found = decide(an_entry(REFUSED), rules())
    assert isinstance(found, WaitingDelivery)
    assert (found.index, found.attempts, found.possibly_sent, found.pinned_provider) == (7, 1, False, None)
    assert found.not_before > NOW


def test_a_rate_limited_delivery_keeps_its_attempts_and_its_delay() -> None:
    found = decide(an_entry(THROTTLED, attempts=2), rules())
    wait = timedelta(seconds=32.5)  # and half of the spread
    assert found == WaitingDelivery(7, 2, NOW + wait, history=History(wait, Reason.RATE_LIMITED, "first"))


def test_a_waiting_delivery_has_the_last_answer_and_all_that_it_waited() -> None:
    before = History(timedelta(hours=1), Reason.RATE_LIMITED, "second")
    found = decide(an_entry(REFUSED, history=before), rules())
    assert isinstance(found, WaitingDelivery)
    assert found.history == History(timedelta(hours=1) + (found.not_before - NOW), Reason.UNAVAILABLE, "first")


@pytest.mark.parametrize("answer", [REFUSED, THROTTLED, SILENCE])
def test_a_refusal_after_the_age_ends_a_delivery(answer: SendResult) -> None:
    old = History(timedelta(days=1), Reason.RATE_LIMITED, "first")
    found = decide(an_entry(answer, history=old), rules(on_uncertain=OnUncertain.RESEND))
    assert isinstance(found, Outcome)
    assert found.reason in {Reason.GAVE_UP, Reason.NO_ANSWER}


@pytest.mark.parametrize("answer", [NO_FREE_CONNECTION, NO_PROVIDER])
def test_full_slots_and_a_channel_without_provider_never_end_a_delivery(answer: SendResult) -> None:
    old = History(timedelta(days=9), Reason.RATE_LIMITED, "first")
    found = decide(an_entry(answer, attempts=2, history=old), rules())
    assert isinstance(found, WaitingDelivery)
    assert (found.attempts, found.history and found.history.waited) == (2, old.waited)


def test_a_delivery_that_was_put_back_keeps_its_age() -> None:
    before = History(timedelta(hours=1), Reason.UNAVAILABLE, "second")
    found = decide(an_entry(NotSent.DEFERRED, attempts=1, history=before), rules())
    assert found == WaitingDelivery(7, 1, NOW, history=before)


def test_another_provider_is_asked_at_once_and_without_an_attempt() -> None:
    old = History(timedelta(hours=1), Reason.NO_ANSWER, "zeroth")
    found = decide(an_entry(REFUSED, attempts=1, history=old), rules(refused_by=("zeroth",), another=True))
    history = History(timedelta(hours=1), Reason.UNAVAILABLE, "first")
    assert found == WaitingDelivery(7, 1, NOW, history=history, refused_by=("zeroth", "first"))


def test_one_attempt_is_spent_after_all_providers_refused() -> None:
    found = decide(an_entry(REFUSED, attempts=1), rules(refused_by=("zeroth",), max_attempts=9))
    assert isinstance(found, WaitingDelivery)
    assert (found.attempts, found.refused_by) == (2, ())
    assert found.not_before > NOW


@pytest.mark.parametrize("answer", [THROTTLED, NO_FREE_CONNECTION, NotSent.DEFERRED])
def test_what_is_no_refusal_goes_to_no_other_provider(answer: Retry | NotSent) -> None:
    found = decide(an_entry(answer, attempts=1), rules(refused_by=("zeroth",), another=True))
    assert isinstance(found, WaitingDelivery)
    deferred = answer is NotSent.DEFERRED
    assert (found.attempts, found.refused_by) == (1, ("zeroth",) if deferred else ())
    assert found.not_before > NOW or deferred


@pytest.mark.parametrize("answer", [THROTTLED, NO_FREE_CONNECTION, WRONG_KEY])
def test_a_wait_ends_the_round_and_spends_the_attempt_of_those_that_refused(answer: Retry) -> None:
    refused = History(timedelta(), Reason.UNAVAILABLE, "zeroth")
    found = decide(an_entry(answer, history=refused), rules(refused_by=("zeroth",)))
    assert isinstance(found, WaitingDelivery)
    assert (found.attempts, found.refused_by) == (1, ())
    untouched = decide(an_entry(answer), rules())
    assert isinstance(untouched, WaitingDelivery)
    assert untouched.attempts == 0


def test_after_no_answer_the_next_attempt_asks_the_next_provider() -> None:
    resend = rules(on_uncertain=OnUncertain.RESEND, another=True)
    found = decide(an_entry(SILENCE), resend)
    assert isinstance(found, WaitingDelivery)
    assert (found.attempts, found.refused_by) == (1, ("first",))
    assert found.not_before > NOW
    last = decide(an_entry(SILENCE, tainted=True), rules(on_uncertain=OnUncertain.RESEND, refused_by=("zeroth",)))
    assert isinstance(last, WaitingDelivery)
    assert last.refused_by == ()


def test_a_provider_that_is_not_called_leaves_the_delivery_to_the_others() -> None:
    closed = Retry(Reason.UNAVAILABLE, "HTTP 503", 60, offered=False, unreachable=True)
    found = decide(an_entry(closed), rules(another=True))
    assert isinstance(found, WaitingDelivery)
    assert (found.attempts, found.not_before, found.refused_by) == (0, NOW, ())


@pytest.mark.parametrize(("tainted", "sticky"), [(True, False), (False, True)])
def test_a_delivery_that_may_have_been_sent_goes_to_no_other_provider_at_once(*, tainted: bool, sticky: bool) -> None:
    found = decide(an_entry(REFUSED, tainted=tainted), rules(sticky=sticky, another=True))
    assert isinstance(found, WaitingDelivery)
    assert (found.attempts, found.refused_by) == (1, ())
    assert found.not_before > NOW


def test_a_delivery_is_given_up_with_its_error_after_the_last_attempt() -> None:
    assert decide(an_entry(REFUSED, attempts=2), rules()) == Outcome(Status.FAILED, Reason.GAVE_UP, "503")


def test_a_missing_answer_is_handled_as_the_request_asks() -> None:
    careful = decide(an_entry(SILENCE), rules())
    assert careful == Outcome(Status.UNKNOWN, Reason.NO_ANSWER, "time-out")
    again = decide(an_entry(SILENCE), rules(on_uncertain=OnUncertain.RESEND))
    assert isinstance(again, WaitingDelivery)
    assert (again.possibly_sent, again.pinned_provider) == (True, None)


def test_only_the_provider_that_deduplicates_is_called_again() -> None:
    found = decide(an_entry(SILENCE), rules(deduplicates=True, another=True))
    assert isinstance(found, WaitingDelivery)
    assert (found.possibly_sent, found.pinned_provider) == (False, "first")
    assert found.not_before > NOW, "no other provider's turn"


def test_a_provider_that_deduplicates_ends_its_own_doubt() -> None:
    found = decide(an_entry(FAILED), rules(deduplicates=True, sticky=True))
    assert found == Outcome(Status.FAILED, Reason.REJECTED, "400")


@given(
    answer=st.sampled_from([SENT, FAILED, REFUSED, THROTTLED, SILENCE, NotSent.MAYBE_SENT, NotSent.STOPPED]),
    attempts=st.integers(0, 5),
    tainted=st.booleans(),
    on_uncertain=st.sampled_from(list(OnUncertain)),
    deduplicates=st.booleans(),
    another=st.booleans(),
)
def test_a_doubted_delivery_never_ends_as_not_sent(  # noqa: PLR0917
    answer: SendResult | NotSent,
    attempts: int,
    tainted: bool,  # noqa: FBT001
    on_uncertain: OnUncertain,
    deduplicates: bool,  # noqa: FBT001
    another: bool,  # noqa: FBT001
) -> None:
    found = decide(
        an_entry(answer, attempts=attempts, tainted=tainted),
        rules(on_uncertain=on_uncertain, deduplicates=deduplicates, another=another),
    )
    if isinstance(found, Outcome):
        assert found.status in OUTCOMES
        assert not tainted or found.status in {Status.SENT, Status.UNKNOWN}
    else:
        assert found is not None
        assert found.possibly_sent or not tainted
        assert found.attempts - attempts in {0, 1}
        assert found.attempts < 3 or answer is THROTTLED or found.refused_by == ("first",)
