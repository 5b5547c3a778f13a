"""A limit shrinks to what a server takes, and grows again by one at a time."""

import pytest

from providers.shrinking_limit import GROW_SECONDS, ShrinkingLimit
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def limit(clock: ManualClock) -> ShrinkingLimit:
    return ShrinkingLimit(4, clock)


def test_the_limit_is_at_least_one_and_at_most_its_first_value(limit: ShrinkingLimit, clock: ManualClock) -> None:
    limit.shrink(0)
    values = [limit.value]
    for _ in range(5):
        clock.now += GROW_SECONDS
        values.append(limit.value)

    assert values == [1, 2, 3, 4, 4, 4]


def test_a_refusal_starts_the_time_to_grow_anew(limit: ShrinkingLimit, clock: ManualClock) -> None:
    limit.shrink(2)
    clock.now += GROW_SECONDS - 1
    limit.shrink(2)
    clock.now += GROW_SECONDS - 1

    assert limit.value == 2
    assert limit.is_reduced
