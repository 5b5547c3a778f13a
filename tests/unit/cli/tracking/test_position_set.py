import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.tracking.position_set import PositionSet
from core.ids import MAX_INDEX


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5_000))))
def test_positions_are_a_set(added: list[tuple[int, int]]) -> None:
    positions, model = PositionSet(), set[tuple[int, int]]()
    for part, index in added:
        assert positions.add(part, index) is ((part, index) not in model)
        model.add((part, index))
        assert len(positions) == len(model)
    sizes = [sum(part == number for part, _ in model) for number in range(4)]
    assert positions.part_sizes() == sizes[: [*sizes, 0].index(0)]


def test_a_million_positions_take_less_than_a_megabyte() -> None:
    positions = PositionSet()
    for part in range(10):
        for index in range(100_000):
            positions.add(part, index)
    assert len(positions) == 1_000_000
    assert sum(sys.getsizeof(bits) for bits in positions._parts.values()) < 1_000_000


@pytest.mark.parametrize("index", [-1, MAX_INDEX + 1])
def test_an_index_that_no_part_can_have_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="index must be between 0 and"):
        PositionSet().add(0, index)
