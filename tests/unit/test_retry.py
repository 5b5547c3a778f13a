"""When to try again: bounds of the backoff, what spends an attempt, when to give up (I7)."""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.outcome import Retry, Uncertain
from core.retry import RetryPolicy, backoff_seconds, next_attempt
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
    """The next attempt of a request accepted at START."""
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
def test_the_backoff_stays_within_its_bounds(attempts: int, policy: RetryPolicy, draw: float) -> None:
    seconds = backoff_seconds(attempts, policy, lambda: draw)

    assert 0 < 0.1 * min(policy.base_seconds, policy.cap_seconds) <= seconds <= policy.cap_seconds


@settings(deadline=None)
@given(st.integers(1, 40), POLICIES, DRAWS)
def test_the_backoff_never_shrinks_with_attempts(attempts: int, policy: RetryPolicy, draw: float) -> None:
    assert backoff_seconds(attempts, policy, lambda: draw) <= backoff_seconds(attempts + 1, policy, lambda: draw)


@settings(deadline=None)
@given(REFUSALS, st.integers(0, 9), POLICIES, DRAWS)
def test_a_refusal_spends_one_attempt(
    answer: Retry | Uncertain, attempts: int, policy: RetryPolicy, draw: float
) -> None:
    found = following(answer, attempts, policy=policy, draw=draw)

    assert found is None or found[0] == attempts + 1


@settings(deadline=None)
@given(SNOOZES, st.integers(0, 9), POLICIES, DRAWS)
def test_a_snooze_spends_no_attempt(answer: Retry, attempts: int, policy: RetryPolicy, draw: float) -> None:
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


@settings(deadline=None)
@given(st.floats(0, 500), DRAWS)
def test_a_provider_is_not_asked_before_the_time_it_named(asked: float, draw: float) -> None:
    found = following(Retry(Reason.UNAVAILABLE, delay_seconds=asked), draw=draw)

    assert found is not None
    assert found[1] >= START + timedelta(seconds=asked)


@settings(deadline=None)
@given(st.floats(601, 1e300) | st.just(math.inf), DRAWS)
def test_a_time_that_a_refusing_provider_named_is_capped(asked: float, draw: float) -> None:
    assert following(Retry(Reason.UNAVAILABLE, delay_seconds=asked), draw=draw) == (1, START + timedelta(seconds=600))


@settings(deadline=None)
@given(st.floats(0.001, 80_000), DRAWS)
def test_a_snooze_lasts_as_long_as_the_provider_asked(asked: float, draw: float) -> None:
    found = following(Retry(Reason.RATE_LIMITED, delay_seconds=asked), 3, draw=draw)

    assert found == (3, START + timedelta(seconds=asked))


@settings(deadline=None)
@given(DRAWS)
def test_a_snooze_without_a_time_is_some_seconds(draw: float) -> None:
    found = following(Retry(Reason.RATE_LIMITED), draw=draw)

    assert found is not None
    assert timedelta(seconds=2.5) <= found[1] - START <= timedelta(seconds=7.5)


@settings(deadline=None)
@given(st.floats(86_401, 1e300) | st.just(math.inf))
def test_a_snooze_beyond_the_age_is_given_up_however_long_it_is(asked: float) -> None:
    assert following(Retry(Reason.RATE_LIMITED, delay_seconds=asked)) is None


@settings(deadline=None)
@given(st.floats(max_value=-0.001) | st.just(math.nan), st.sampled_from([Reason.RATE_LIMITED, Reason.UNAVAILABLE]))
def test_a_delay_that_is_none_is_no_harm(asked: float, reason: Reason) -> None:
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
def test_a_snooze_is_never_given_up_for_its_attempts(answer: Retry, attempts: int) -> None:
    assume((answer.delay_seconds or 0) < DAY.total_seconds())

    assert following(answer, attempts) is not None
