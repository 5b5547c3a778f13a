"""What an answer means for its delivery, for every answer, policy and doubt."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chunk_work import Line
from core.delivery_outcome import Ended, Entry, Mark, Rules, stopped, verdict
from core.retry import RetryPolicy
from core.send_result import Answer, Failed, Retry, Sent, Uncertain
from schemas.statuses import OnUncertain, Reason, Status
from tests.support.builders import OUTCOMES

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SENT, FAILED = Sent("m-1", "202"), Failed(Reason.REJECTED, "400")
REFUSED, THROTTLED = Retry(Reason.UNAVAILABLE, "503"), Retry(Reason.RATE_LIMITED, delay_seconds=30)
SILENCE = Uncertain(Reason.NO_ANSWER, "time-out")


def rules(
    *,
    on_uncertain: OnUncertain = OnUncertain.MARK_UNKNOWN,
    deduplicates: bool = False,
    sticky: bool = False,
    providers: int = 1,
    max_attempts: int = 3,
    stopped_as: Status = Status.CANCELLED,
) -> Rules:
    return Rules(
        on_uncertain=on_uncertain,
        provider="first",
        deduplicates=deduplicates,
        sticky=sticky,
        providers=providers,
        started_at=NOW - timedelta(minutes=1),
        now=NOW,
        retry=RetryPolicy(max_attempts, timedelta(days=1)),
        jitter=lambda: 0.5,
        stopped_as=stopped_as,
    )


def an_entry(answer: Answer | Mark, *, attempts: int = 0, tainted: bool = False) -> Entry:
    return Entry(7, attempts, tainted, answer)


def test_sent_is_sent_whatever_was_before() -> None:
    found = verdict(an_entry(SENT, tainted=True), rules())
    assert found == Ended(Status.SENT, None, None, "m-1", "202")


def test_a_refusal_for_good_is_failed_with_the_providers_reason() -> None:
    assert verdict(an_entry(FAILED), rules()) == Ended(Status.FAILED, Reason.REJECTED, "400")


def test_what_stands_in_a_log_needs_no_verdict() -> None:
    assert verdict(an_entry(Mark.STANDS), rules()) is None


def test_what_was_lost_is_unknown() -> None:
    assert verdict(an_entry(Mark.LOST), rules()) == Ended(Status.UNKNOWN, Reason.INTERRUPTED)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED])
def test_a_stop_ends_what_was_not_sent_and_keeps_a_doubt(status: Status) -> None:
    plain = verdict(an_entry(Mark.STOPPED), rules(stopped_as=status))
    assert isinstance(plain, Ended)
    assert plain.status is status
    assert stopped(status, doubted=True).status is Status.UNKNOWN
    in_doubt = verdict(an_entry(Mark.STOPPED, tainted=True), rules(stopped_as=status))
    assert isinstance(in_doubt, Ended)
    assert in_doubt.status is Status.UNKNOWN


def test_a_refusal_for_now_is_tried_again_later_and_spends_an_attempt() -> None:
    found = verdict(an_entry(REFUSED), rules())
    assert isinstance(found, Line)
    assert (found.index, found.attempts, found.tainted, found.sticky) == (7, 1, False, None)
    assert found.not_before > NOW


def test_a_snooze_spends_no_attempt() -> None:
    found = verdict(an_entry(THROTTLED, attempts=2), rules())
    assert found == Line(7, 2, NOW + timedelta(seconds=30))


def test_another_provider_is_asked_at_once_until_all_had_their_turn() -> None:
    once = verdict(an_entry(REFUSED), rules(providers=2, max_attempts=9))
    twice = verdict(an_entry(REFUSED, attempts=1), rules(providers=2, max_attempts=9))
    assert isinstance(once, Line)
    assert isinstance(twice, Line)
    assert once.not_before == NOW
    assert twice.not_before > NOW


def test_after_the_last_attempt_it_gave_up_and_says_why() -> None:
    assert verdict(an_entry(REFUSED, attempts=2), rules()) == Ended(Status.FAILED, Reason.GAVE_UP, "503")


def test_no_answer_follows_the_request() -> None:
    careful = verdict(an_entry(SILENCE), rules())
    assert careful == Ended(Status.UNKNOWN, Reason.NO_ANSWER, "time-out")
    again = verdict(an_entry(SILENCE), rules(on_uncertain=OnUncertain.RESEND))
    assert isinstance(again, Line)
    assert (again.tainted, again.sticky) == (True, None)


def test_a_provider_that_deduplicates_is_asked_again_and_nobody_else() -> None:
    found = verdict(an_entry(SILENCE), rules(deduplicates=True, providers=2))
    assert isinstance(found, Line)
    assert (found.tainted, found.sticky) == (False, "first")
    assert found.not_before > NOW, "no other provider's turn"


def test_its_own_answer_removes_the_doubt_of_a_provider_that_deduplicates() -> None:
    found = verdict(an_entry(FAILED), rules(deduplicates=True, sticky=True))
    assert found == Ended(Status.FAILED, Reason.REJECTED, "400")


@given(
    answer=st.sampled_from([SENT, FAILED, REFUSED, THROTTLED, SILENCE, Mark.LOST, Mark.STOPPED]),
    attempts=st.integers(0, 5),
    tainted=st.booleans(),
    on_uncertain=st.sampled_from(list(OnUncertain)),
    deduplicates=st.booleans(),
    providers=st.integers(1, 3),
)
def test_once_in_doubt_never_ends_as_not_sent(  # noqa: PLR0917
    answer: Answer | Mark,
    attempts: int,
    tainted: bool,  # noqa: FBT001
    on_uncertain: OnUncertain,
    deduplicates: bool,  # noqa: FBT001
    providers: int,
) -> None:
    found = verdict(
        an_entry(answer, attempts=attempts, tainted=tainted),
        rules(on_uncertain=on_uncertain, deduplicates=deduplicates, providers=providers),
    )
    if isinstance(found, Ended):
        assert found.status in OUTCOMES
        assert not tainted or found.status in {Status.SENT, Status.UNKNOWN}
    else:
        assert found is not None
        assert found.tainted or not tainted
        assert found.attempts - attempts in {0, 1}
        assert found.attempts < 3 + (answer is THROTTLED) * 3
