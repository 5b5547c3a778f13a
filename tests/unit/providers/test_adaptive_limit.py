"""Number of concurrent calls that follows how they went."""

from providers.adaptive_limit import PAUSE_SECONDS, SHRINK_SHARE, AdaptiveLimit
from tests.support.clock import ManualClock

TIMEOUT_SECONDS = 10.0


def a_limit(most: int = 50) -> tuple[AdaptiveLimit, ManualClock]:
    clock = ManualClock()
    return AdaptiveLimit(most, TIMEOUT_SECONDS, clock), clock


def test_it_begins_with_the_number_of_the_entry_and_never_exceeds_it() -> None:
    limit, _ = a_limit()
    for _ in range(500):
        limit.record(0.1, refused=False)
    assert limit.value == 50


def test_a_refusal_shrinks_it_once_for_the_calls_of_the_same_time() -> None:
    limit, clock = a_limit()
    for _ in range(50):
        limit.record(0.1, refused=True)
    assert limit.value == int(50 * SHRINK_SHARE)

    clock.now += PAUSE_SECONDS
    limit.record(0.1, refused=True)
    assert limit.value == int(50 * SHRINK_SHARE**2)


def test_it_never_falls_below_one() -> None:
    limit, clock = a_limit()
    for _ in range(100):
        limit.record(0.1, refused=True)
        clock.now += PAUSE_SECONDS
    assert limit.value == 1


def test_a_call_that_nearly_takes_the_time_out_shrinks_it_too() -> None:
    limit, _ = a_limit()
    limit.record(TIMEOUT_SECONDS * 0.8, refused=False)
    assert limit.value == 50
    limit.record(TIMEOUT_SECONDS * 0.95, refused=False)
    assert limit.value == 35


def test_as_many_calls_as_the_limit_that_went_well_raise_it_by_one() -> None:
    limit, _ = a_limit(20)
    limit.record(0.1, refused=True)
    before = limit.value
    for _ in range(before):
        limit.record(0.1, refused=False)
    assert limit.value in {before, before + 1}
    for _ in range(400):
        limit.record(0.1, refused=False)
    assert limit.value == 20
