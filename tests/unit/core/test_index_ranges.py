"""Chunks cover a part without gap or overlap. Ranges are sets of indices in order."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from core.index_ranges import Ranges, chunk_bounds, indices, length, take, to_ranges

INDICES = st.sets(st.integers(0, 300)).map(sorted)
RANGES = INDICES.map(to_ranges)


@settings(deadline=None)
@given(st.integers(0, 3_000), st.integers(1, 1_000))
def test_chunks_cover_a_part_once_each_full_but_the_last(size: int, chunk_size: int) -> None:
    bounds = list(chunk_bounds(size, chunk_size))

    assert [index for first, end in bounds for index in range(first, end)] == list(range(size))
    assert all(end - first == chunk_size for first, end in bounds[:-1])
    assert all(0 < end - first <= chunk_size for first, end in bounds)


@settings(deadline=None)
@given(INDICES)
def test_ranges_have_the_indices_that_they_were_built_from(given_indices: list[int]) -> None:
    ranges = to_ranges(given_indices)

    assert list(indices(ranges)) == given_indices
    assert length(ranges) == len(given_indices)


@settings(deadline=None)
@given(RANGES)
def test_ranges_are_as_few_as_can_be(ranges: Ranges) -> None:
    assert all(first < end for first, end in ranges)
    assert all(end < first for (_, end), (first, _) in pairwise(ranges))


@settings(deadline=None)
@given(RANGES, st.integers(0, 400))
def test_taking_splits_the_indices_in_order(ranges: Ranges, count: int) -> None:
    taken, rest = take(ranges, count)
    everything = list(indices(ranges))

    assert list(indices(taken)) == everything[:count]
    assert list(indices(rest)) == everything[count:]
    assert (to_ranges(indices(taken)), to_ranges(indices(rest))) == (taken, rest)
