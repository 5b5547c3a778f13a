"""Rate limits: the calls of a key within its burst and beyond it, and the memory of the keys."""

from hypothesis import given
from hypothesis import strategies as st

from producer.auth.rate_limit import RateLimit


def allowed_calls(limit: RateLimit, key: str, now: float, calls: int) -> int:
    """Return the number of calls that are allowed of so many at one time."""
    allowed = 0
    for _ in range(calls):
        if not limit.seconds_until_next(key, now):
            limit.count(key, now)
            allowed += 1
    return allowed


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    limit = RateLimit(10, burst_seconds=2)
    assert allowed_calls(limit, "a", 100, 50) == 20
    assert allowed_calls(limit, "a", 101, 50) == 10
    assert allowed_calls(limit, "b", 101, 50) == 20, "keys do not share their calls"
    assert allowed_calls(limit, "a", 200, 50) == 20


def test_the_time_until_the_next_call_is_told() -> None:
    limit = RateLimit(0.5, burst_seconds=0)
    limit.count("a", 0)
    assert limit.seconds_until_next("a", 0.5) == 1.5
    assert limit.seconds_until_next("a", 2) == 0


def test_a_rate_of_zero_allows_every_call_and_remembers_none() -> None:
    limit = RateLimit(0, burst_seconds=1)
    assert allowed_calls(limit, "a", 0, 1_000) == 1_000
    assert len(limit) == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3)), max_size=60), st.integers(1, 20), st.floats(0, 5))
def test_no_key_gets_more_calls_than_its_burst_and_its_rate(
    steps: list[tuple[str, float]], rate: int, burst: float
) -> None:
    limit = RateLimit(rate, burst)
    now, allowed = 0.0, dict.fromkeys("abc", 0)
    for key, pause in steps:
        now += pause
        allowed[key] += allowed_calls(limit, key, now, 10)
    assert max(allowed.values()) <= max(burst * rate, 1) + now * rate + 1


def test_keys_that_are_idle_take_no_memory() -> None:
    limit = RateLimit(10, burst_seconds=1)
    for key in range(1_000):
        limit.count(key, 0)
    limit.count("last", 5)
    assert len(limit) == 1


def test_the_number_of_keys_is_bounded_and_the_oldest_go_first() -> None:
    limit = RateLimit(1, burst_seconds=60, max_keys=100)
    for key in range(1_000):
        limit.count(key, 0)
    assert len(limit) == 100
    assert limit.seconds_until_next(999, 0) == 0
    assert allowed_calls(limit, "999", 0, 100) == 60
