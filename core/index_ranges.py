"""How recipients become parts, parts become chunks, chunks become windows; and ranges of positions."""

from collections.abc import Iterable, Iterator

Ranges = tuple[tuple[int, int], ...]
"""Half-open ranges of indices, ascending, apart from each other."""


def chunk_bounds(size: int, chunk_size: int) -> Iterator[tuple[int, int]]:
    """The half-open bounds of a part's chunks."""
    for first in range(0, size, chunk_size):
        yield first, min(first + chunk_size, size)


def to_ranges(indices: Iterable[int]) -> Ranges:
    """Ascending indices as ranges."""
    ranges: list[tuple[int, int]] = []
    for index in indices:
        if ranges and ranges[-1][1] == index:
            ranges[-1] = (ranges[-1][0], index + 1)
        else:
            ranges.append((index, index + 1))
    return tuple(ranges)


def indices(ranges: Ranges) -> Iterator[int]:
    """The indices in ranges, in order."""
    for first, end in ranges:
        yield from range(first, end)


def length(ranges: Ranges) -> int:
    """How many indices ranges hold."""
    return sum(end - first for first, end in ranges)


def take(ranges: Ranges, count: int) -> tuple[Ranges, Ranges]:
    """The first `count` indices, and the rest."""
    taken: list[tuple[int, int]] = []
    for at, (first, end) in enumerate(ranges):
        if count < end - first:
            head = (*taken, (first, first + count)) if count else tuple(taken)
            return head, ((first + count, end), *ranges[at + 1 :])
        taken.append((first, end))
        count -= end - first
    return tuple(taken), ()
