"""Choice of the deliveries of a chunk that are tried together next."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from core.chunk_work import Batch, WaitingDelivery, Work
from core.index_ranges import Ranges, indices, take, to_ranges
from core.retry import gather_seconds

GroupOf = Callable[[int], object]
"""Function of the index of a delivery. Deliveries share a window only if it returns the same value for them."""


def take_next_batch(work: Work, now: datetime, size: int, group_of: GroupOf | None = None) -> tuple[Batch | None, Work]:
    """Return the next batch of at most `size`, and the work without it. Due retries come before untried deliveries.

    Without `group_of` any deliveries share a window.
    """
    if work.next:
        return work.next, replace(work, next=None)
    ready = [line for line in work.retries if line.not_before <= now]
    if ready:
        batch = _same_batch(ready, group_of)[:size]
        chosen = {line.index for line in batch}
        rest = tuple(line for line in work.retries if line.index not in chosen)
        return as_batch(batch), replace(work, retries=rest)
    first, untried = _take_untried(work.untried, size, group_of)
    return (Batch(first) if first else None), replace(work, untried=untried)


def _take_untried(untried: Ranges, size: int, group_of: GroupOf | None) -> tuple[Ranges, Ranges]:
    """Return the first deliveries of one group, at most `size`, and the others."""
    if group_of is None or not untried:
        return take(untried, size)
    group = group_of(untried[0][0])
    chosen = list(islice((index for index in indices(untried) if group_of(index) == group), size))
    taken = set(chosen)
    return to_ranges(chosen), to_ranges(index for index in indices(untried) if index not in taken)


def keep_one_group(batch: Batch, now: datetime, group_of: GroupOf) -> tuple[Batch, tuple[WaitingDelivery, ...]]:
    """Return the deliveries of a batch that share the group of the first one, and the others, to be tried next."""
    group, lines = group_of(batch.ranges[0][0]), _lines_of(batch, now)
    kept = [line for line in lines if group_of(line.index) == group]
    if len(kept) == len(lines):
        return batch, ()
    return as_batch(kept), tuple(line for line in lines if group_of(line.index) != group)


def _lines_of(batch: Batch, now: datetime) -> list[WaitingDelivery]:
    return [
        WaitingDelivery(
            index,
            batch.attempts,
            now,
            index in batch.possibly_sent,
            batch.pinned_provider,
            batch.histories.get(index),
            batch.refused_by,
        )
        for index in indices(batch.ranges)
    ]


def _same_batch(lines: Sequence[WaitingDelivery], group_of: GroupOf | None) -> list[WaitingDelivery]:
    """Return the deliveries that can share a window with the longest waiting one. The longest waiting comes first."""
    ordered = sorted(lines, key=lambda line: (line.not_before, line.index))
    shared = _shared_by_batch(ordered[0], group_of)
    return [line for line in ordered if _shared_by_batch(line, group_of) == shared]


def _shared_by_batch(line: WaitingDelivery, group_of: GroupOf | None) -> tuple[object, ...]:
    return line.attempts, line.pinned_provider, line.refused_by, group_of and group_of(line.index)


def as_batch(lines: Iterable[WaitingDelivery]) -> Batch:
    """Return deliveries that can share a window as a batch."""
    ordered = sorted(lines, key=lambda line: line.index)
    first = ordered[0]
    possibly_sent = frozenset(line.index for line in ordered if line.possibly_sent)
    histories = {line.index: line.history for line in ordered if line.history}
    ranges = to_ranges(line.index for line in ordered)
    return Batch(ranges, first.attempts, possibly_sent, first.pinned_provider, histories, first.refused_by)


def prepare_release(
    work: Work, size: int, expires_at: datetime | None = None, group_of: GroupOf | None = None
) -> tuple[Work, datetime | None]:
    """Return the work of a chunk that its owner releases, with its next batch chosen, and its due date (None: at once).

    A next batch that is already chosen stays.
    """
    if work.next:
        return work, None
    first, untried = _take_untried(work.untried, size, group_of)
    if first:
        return replace(work, next=Batch(first), untried=untried), None
    if not work.retries:
        return work, None
    due = _gathered_at(_same_batch(work.retries, group_of)[:size], expires_at)
    batch, rest = take_next_batch(work, due, size, group_of)
    return replace(rest, next=batch), due


def _gathered_at(lines: Sequence[WaitingDelivery], expires_at: datetime | None) -> datetime:
    """Return when the chunk is due: when the last delivery is that comes soon after the first one.

    Each delivery has a time of its own. A claim for each of them would cost more than this wait.
    """
    first = lines[0]
    limit = first.not_before + timedelta(seconds=gather_seconds(first.attempts))
    if expires_at is not None and limit >= expires_at:
        return first.not_before
    return max(line.not_before for line in lines if line.not_before <= limit)
