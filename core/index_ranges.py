"""Ranges of indices, and the bounds of the chunks of a part."""

from collections.abc import Iterable, Iterator

Ranges = tuple[tuple[int, int], ...]
"""Half-open ranges of indices. They ascend and do not touch each other."""


def chunk_bounds(size: int, chunk_size: int) -> Iterator[tuple[int, int]]:
    """Yield the half-open bounds of the chunks of a part."""
    for first in range(0, size, chunk_size):
        yield first, min(first + chunk_size, size)


def to_ranges(indices: Iterable[int]) -> Ranges:
    """Return ascending indices as ranges."""
    ranges: list[tuple[int, int]] = []
    for index in indices:
        if ranges and ranges[-1][1] == index:
            ranges[-1] = (ranges[-1][0], index + 1)
        else:
            ranges.append((index, index + 1))
    return tuple(ranges)


def indices(ranges: Ranges) -> Iterator[int]:
    """Yield the indices of ranges, in order."""
    for first, end in ranges:
        yield from range(first, end)


def length(ranges: Ranges) -> int:
    """Return the number of indices in ranges."""
    return sum(end - first for first, end in ranges)


def take(ranges: Ranges, count: int) -> tuple[Ranges, Ranges]:
    """Return the first `count` indices, and the rest."""
    first_ranges: list[tuple[int, int]] = []
    for at, (first, end) in enumerate(ranges):
        if count < end - first:
            head = (*first_ranges, (first, first + count)) if count else tuple(first_ranges)
            return head, ((first + count, end), *ranges[at + 1 :])
        first_ranges.append((first, end))
        count -= end - first
    return tuple(first_ranges), ()
