"""Retries: the bounds of the backoff, the use of attempts, and giving up (I7)."""

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.retry import RetryPolicy, backoff_seconds, next_attempt
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


def following(
    answer: Retry | Uncertain,
    attempts: int = 0,
    *,
    other_provider: bool = False,
    now: datetime = START,
    policy: RetryPolicy = POLICY,
    draw: float = 0.5,
) -> tuple[int, datetime] | None:
    """Return the next attempt of a request that was accepted at START."""
    return next_attempt(
        answer,
        attempts,
        other_provider=other_provider,
        started_at=START,
        now=now,
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

    assert found is None or found[0] == attempts + 1


@settings(deadline=None)
@given(SNOOZES, st.integers(0, 9), POLICIES, DRAWS)
def test_a_rate_limited_result_uses_no_attempt(answer: Retry, attempts: int, policy: RetryPolicy, draw: float) -> None:
    found = following(answer, attempts, policy=policy, draw=draw)

    assert found is None or found[0] == attempts


@settings(deadline=None)
@given(REFUSALS | SNOOZES, st.integers(0, 9), POLICIES, DRAWS, st.booleans(), st.timedeltas(timedelta(0), 8 * DAY))
def test_no_attempt_lies_in_the_past_beyond_the_age_or_beyond_the_attempts(  # noqa: PLR0917  # hypothesis gives them
    answer: Retry | Uncertain,
    attempts: int,
    policy: RetryPolicy,
    draw: float,
    other_provider: bool,  # noqa: FBT001
    age: timedelta,
) -> None:
    now = START + age
    found = following(answer, attempts, other_provider=other_provider, now=now, policy=policy, draw=draw)

    if found is not None:
        spent, not_before = found
        assert now <= not_before <= START + policy.max_age
        assert spent < policy.max_attempts


@settings(deadline=None)
@given(REFUSALS, DRAWS)
def test_another_provider_is_asked_at_once(answer: Retry | Uncertain, draw: float) -> None:
    assert following(answer, other_provider=True, draw=draw) == (1, START)


def ceiling_of(attempts: int, policy: RetryPolicy) -> float:
    """Return a random number close to 1, for almost the longest backoff."""
    return backoff_seconds(attempts, policy, lambda: 1.0)


@settings(deadline=None)
@given(st.floats(0, 86_000), DRAWS)
def test_a_provider_is_not_asked_before_the_time_it_named(asked: float, draw: float) -> None:
    found = following(Retry(Reason.UNAVAILABLE, delay_seconds=asked), draw=draw)

    assert found is not None
    assert found[1] >= START + timedelta(seconds=asked)


@settings(deadline=None)
@given(st.floats(601, 86_399), DRAWS)
def test_a_time_beyond_the_cap_of_the_backoff_is_kept_to_as_well(asked: float, draw: float) -> None:
    found = following(Retry(Reason.UNAVAILABLE, delay_seconds=asked), draw=draw)

    assert found == (1, START + timedelta(seconds=asked))


@settings(deadline=None)
@given(st.floats(86_401, 1e300) | st.just(math.inf), DRAWS)
def test_a_provider_that_asks_for_more_than_the_age_is_given_up_at_once(asked: float, draw: float) -> None:
    assert following(Retry(Reason.UNAVAILABLE, delay_seconds=asked), draw=draw) is None


@settings(deadline=None)
@given(st.floats(0.001, 80_000), DRAWS)
def test_a_rate_limited_delivery_waits_as_long_as_the_provider_asked(asked: float, draw: float) -> None:
    found = following(Retry(Reason.RATE_LIMITED, delay_seconds=asked), 3, draw=draw)

    assert found == (3, START + timedelta(seconds=asked))


@settings(deadline=None)
@given(DRAWS)
def test_a_rate_limited_delivery_without_a_delay_waits_some_seconds(draw: float) -> None:
    found = following(Retry(Reason.RATE_LIMITED), draw=draw)

    assert found is not None
    assert timedelta(seconds=2.5) <= found[1] - START <= timedelta(seconds=7.5)


@settings(deadline=None)
@given(st.floats(86_401, 1e300) | st.just(math.inf))
def test_a_rate_limited_delivery_is_given_up_beyond_the_age(asked: float) -> None:
    assert following(Retry(Reason.RATE_LIMITED, delay_seconds=asked)) is None


@settings(deadline=None)
@given(st.floats(max_value=-0.001) | st.just(math.nan), st.sampled_from([Reason.RATE_LIMITED, Reason.UNAVAILABLE]))
def test_an_unusable_delay_does_no_harm(asked: float, reason: Reason) -> None:
    found = following(Retry(reason, delay_seconds=asked))

    assert found is not None
    assert START <= found[1] <= START + timedelta(seconds=600)


@settings(deadline=None)
@given(REFUSALS, st.integers(1, 10))
def test_the_last_attempt_is_given_up(answer: Retry | Uncertain, most: int) -> None:
    policy = RetryPolicy(max_attempts=most, max_age=DAY)

    assert following(answer, most - 1, policy=policy) is None
    assert most == 1 or following(answer, most - 2, policy=policy) is not None


@settings(deadline=None)
@given(SNOOZES, st.integers(0, 4))
def test_a_rate_limited_delivery_is_never_given_up_for_its_attempts(answer: Retry, attempts: int) -> None:
    assume((answer.delay_seconds or 0) < DAY.total_seconds())

    assert following(answer, attempts) is not None
