"""Retries: the bounds of the backoff, the use of attempts, the age, and giving up (I7)."""

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.retry import (
    LONGEST_WAIT_SECONDS,
    SPREAD_SECONDS,
    NextTry,
    RetryPolicy,
    backoff_seconds,
    gather_seconds,
    next_attempt,
)
from core.send_result import Retry, Uncertain
from schemas.statuses import Reason

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = RetryPolicy(max_attempts=5, max_age=DAY)

DRAWS = st.floats(0, 1, exclude_max=True)
POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 10),
    max_age=st.timedeltas(timedelta(0), 7 * DAY),
    base_seconds=st.floats(0.1, 10),
    cap_seconds=st.floats(10, 3600),
)
DELAYS = st.none() | st.floats(0, 10_000)
REFUSALS = st.builds(Retry, st.just(Reason.UNAVAILABLE), delay_seconds=DELAYS) | st.just(Uncertain(Reason.NO_ANSWER))
SNOOZES = st.builds(Retry, st.just(Reason.RATE_LIMITED), delay_seconds=DELAYS)
NOT_OFFERED = st.builds(
    Retry, st.sampled_from([Reason.RATE_LIMITED, Reason.UNAVAILABLE]), delay_seconds=DELAYS, offered=st.just(False)
)
NOT_CALLED = st.builds(
    Retry,
    st.sampled_from([Reason.PROVIDER_REJECTED_CREDENTIALS, Reason.UNAVAILABLE]),
    delay_seconds=DELAYS,
    offered=st.just(False),
    unreachable=st.just(True),
)
SPREAD = timedelta(seconds=SPREAD_SECONDS)
MILLISECOND = timedelta(milliseconds=1)


def following(
    answer: Retry | Uncertain,
    attempts: int = 0,
    *,
    refused_before: bool = False,
    waited: timedelta = timedelta(),
    policy: RetryPolicy = POLICY,
    draw: float = 0.5,
) -> NextTry | None:
    """Return the next try of a delivery that is tried at START and has waited that long between its tries."""
    return next_attempt(
        answer,
        attempts,
        refused_before=refused_before,
        waited=waited,
        now=START,
        policy=policy,
        rng=lambda: draw,
    )


@settings(deadline=None)
@given(st.integers(1, 10_000), POLICIES, DRAWS)
def test_the_backoff_is_any_time_up_to_its_ceiling(attempts: int, policy: RetryPolicy, draw: float) -> None:
    ceiling = ceiling_of(attempts, policy)

    assert backoff_seconds(attempts, policy, lambda: draw) == draw * ceiling


@settings(deadline=None)
@given(st.integers(1, 40), POLICIES)
def test_the_ceiling_of_the_backoff_doubles_until_the_cap(attempts: int, policy: RetryPolicy) -> None:
    ceiling = ceiling_of(attempts, policy)

    assert ceiling_of(1, policy) == min(policy.base_seconds, policy.cap_seconds)
    assert ceiling_of(attempts + 1, policy) == min(2 * ceiling, policy.cap_seconds)


def test_the_retries_of_many_are_spread_over_the_whole_backoff() -> None:
    rng = random.Random(1)
    backoffs = [backoff_seconds(5, POLICY, rng.random) for _ in range(10_000)]

    tenths = Counter(int(seconds / 3.2) for seconds in backoffs)  # 2 s doubled four times are 32 s
    assert tenths.keys() == set(range(10))
    assert all(900 < number < 1100 for number in tenths.values())


@settings(deadline=None)
@given(REFUSALS, st.integers(0, 9), POLICIES, DRAWS)
def test_a_refusal_uses_one_attempt(answer: Retry | Uncertain, attempts: int, policy: RetryPolicy, draw: float) -> None:
    found = following(answer, attempts, policy=policy, draw=draw)

    assert found is None or found.attempts == attempts + 1


@settings(deadline=None)
@given(SNOOZES, st.integers(0, 9), POLICIES, DRAWS)
def test_a_rate_limited_result_uses_no_attempt(answer: Retry, attempts: int, policy: RetryPolicy, draw: float) -> None:
    found = following(answer, attempts, policy=policy, draw=draw)

    assert found is None or found.attempts == attempts


@settings(deadline=None)
@given(REFUSALS | SNOOZES, st.integers(0, 9), POLICIES, DRAWS, st.booleans(), st.timedeltas(timedelta(0), 8 * DAY))
def test_a_delivery_ends_by_its_attempts_or_by_the_age_that_it_has_reached_and_by_nothing_else(  # noqa: PLR0917
    answer: Retry | Uncertain,
    attempts: int,
    policy: RetryPolicy,
    draw: float,
    refused_before: bool,  # noqa: FBT001
    waited: timedelta,
) -> None:
    found = following(answer, attempts, refused_before=refused_before, waited=waited, policy=policy, draw=draw)

    uses_attempt = answer.reason is not Reason.RATE_LIMITED or refused_before
    exhausted = uses_attempt and attempts + 1 >= policy.max_attempts
    assert (found is None) is (exhausted or waited >= policy.max_age)
    assert found is None or found.not_before >= START


@settings(deadline=None)
@given(REFUSALS | SNOOZES, st.integers(0, 3), DRAWS, st.booleans(), st.timedeltas(timedelta(0), DAY - MILLISECOND))
def test_each_wait_after_an_answer_counts_as_age(
    answer: Retry | Uncertain,
    attempts: int,
    draw: float,
    refused_before: bool,  # noqa: FBT001
    waited: timedelta,
) -> None:
    found = following(answer, attempts, refused_before=refused_before, waited=waited, draw=draw)

    assert found is not None
    assert found.waited - waited == found.not_before - START


@settings(deadline=None)
@given(st.timedeltas(timedelta(0), DAY - MILLISECOND), st.sampled_from(Reason), DRAWS)
def test_a_wait_of_our_own_choice_never_leads_beyond_the_age(waited: timedelta, reason: Reason, draw: float) -> None:
    found = following(Retry(reason), waited=waited, draw=draw)

    assert found is not None
    assert found.waited <= DAY + MILLISECOND


@settings(deadline=None)
@given(NOT_OFFERED, st.integers(0, 20), POLICIES, DRAWS, st.timedeltas(timedelta(0), 9 * DAY))
def test_a_delivery_that_no_provider_was_asked_for_neither_ages_nor_ends(
    answer: Retry, attempts: int, policy: RetryPolicy, draw: float, waited: timedelta
) -> None:
    found = following(answer, attempts, waited=waited, policy=policy, draw=draw)

    assert found is not None
    assert (found.attempts, found.waited) == (attempts, waited)
    assert found.not_before > START


def test_a_delivery_that_is_always_rate_limited_ends_by_its_age() -> None:
    rng, waited, tries = random.Random(1), timedelta(), 0
    while found := next_attempt(
        Retry(Reason.RATE_LIMITED, delay_seconds=0.001),
        3,
        refused_before=False,
        waited=waited,
        now=START,
        policy=POLICY,
        rng=rng.random,
    ):
        waited, tries = found.waited, tries + 1

    assert waited >= DAY
    assert tries < 60_000


@settings(deadline=None)
@given(NOT_CALLED, st.integers(0, 3), st.booleans(), st.timedeltas(timedelta(0), DAY - MILLISECOND), DRAWS)
def test_a_delivery_ages_while_its_provider_is_not_called_and_spends_the_attempt_of_others(
    answer: Retry,
    attempts: int,
    refused_before: bool,  # noqa: FBT001
    waited: timedelta,
    draw: float,
) -> None:
    found = following(answer, attempts, refused_before=refused_before, waited=waited, draw=draw)

    assert found is not None
    assert found.attempts == attempts + refused_before
    assert found.waited - waited == found.not_before - START
    assert following(answer, attempts, refused_before=refused_before, waited=DAY, draw=draw) is None


def ceiling_of(attempts: int, policy: RetryPolicy) -> float:
    """Return a random number close to 1, for almost the longest backoff."""
    return backoff_seconds(attempts, policy, lambda: 1.0)


@settings(deadline=None)
@given(st.floats(0, 86_000), st.sampled_from([Reason.RATE_LIMITED, Reason.UNAVAILABLE]), DRAWS)
def test_a_provider_is_not_asked_before_the_time_it_named(asked: float, reason: Reason, draw: float) -> None:
    found = following(Retry(reason, delay_seconds=asked), draw=draw)

    assert found is not None
    assert found.not_before >= START + timedelta(seconds=asked)


@settings(deadline=None)
@given(st.floats(601, LONGEST_WAIT_SECONDS), st.sampled_from([Reason.RATE_LIMITED, Reason.UNAVAILABLE]), DRAWS)
def test_a_delivery_waits_as_long_as_the_provider_asked_even_beyond_its_age(
    asked: float, reason: Reason, draw: float
) -> None:
    found = following(Retry(reason, delay_seconds=asked), draw=draw)

    assert found is not None
    asked_until = START + timedelta(seconds=asked)
    assert asked_until <= found.not_before <= asked_until + SPREAD + MILLISECOND


@settings(deadline=None)
@given(
    st.floats(LONGEST_WAIT_SECONDS, 1e300) | st.just(math.inf),
    st.sampled_from([Reason.RATE_LIMITED, Reason.UNAVAILABLE]),
)
def test_a_provider_that_asks_for_an_absurd_time_is_asked_again_after_a_week(asked: float, reason: Reason) -> None:
    found = following(Retry(reason, delay_seconds=asked), draw=0.0)

    assert found is not None
    assert found.not_before == START + 7 * DAY


@settings(deadline=None)
@given(st.floats(2 * 86_400, 1e300), st.sampled_from([Reason.RATE_LIMITED, Reason.UNAVAILABLE]))
def test_only_the_refusal_after_a_wait_beyond_the_age_ends_the_delivery(asked: float, reason: Reason) -> None:
    first = following(Retry(reason, delay_seconds=asked))

    assert first is not None
    assert following(Retry(reason), first.attempts, waited=first.waited) is None


def test_deliveries_that_were_asked_to_wait_do_not_all_come_back_at_the_same_moment() -> None:
    answer = Retry(Reason.RATE_LIMITED, delay_seconds=30)

    times = {found.not_before for draw in range(100) if (found := following(answer, draw=draw / 100))}
    assert len(times) == 100


@settings(deadline=None)
@given(DRAWS)
def test_a_rate_limited_delivery_without_a_delay_waits_some_seconds(draw: float) -> None:
    found = following(Retry(Reason.RATE_LIMITED), draw=draw)

    assert found is not None
    assert timedelta(seconds=2.5) <= found.not_before - START <= timedelta(seconds=7.5)


@settings(deadline=None)
@given(st.floats(max_value=-0.001) | st.just(math.nan), st.sampled_from([Reason.RATE_LIMITED, Reason.UNAVAILABLE]))
def test_an_unusable_delay_does_no_harm(asked: float, reason: Reason) -> None:
    found = following(Retry(reason, delay_seconds=asked))

    assert found is not None
    assert START <= found.not_before <= START + timedelta(seconds=600)


@settings(deadline=None)
@given(REFUSALS, st.integers(1, 10))
def test_the_last_attempt_is_given_up(answer: Retry | Uncertain, most: int) -> None:
    policy = RetryPolicy(max_attempts=most, max_age=DAY)

    assert following(answer, most - 1, policy=policy) is None
    assert most == 1 or following(answer, most - 2, policy=policy) is not None


@settings(deadline=None)
@given(SNOOZES, st.integers(0, 9))
def test_a_rate_limited_delivery_is_never_given_up_for_its_attempts(answer: Retry, attempts: int) -> None:
    assert following(answer, attempts) is not None


def test_a_chunk_is_claimed_about_eight_times_while_its_deliveries_come_back() -> None:
    assert [gather_seconds(attempts) for attempts in (0, 1, 2, 9, 40)] == [0.625, 0.25, 0.5, 64.0, 75.0]
