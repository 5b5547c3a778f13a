"""Remaining work of a chunk as a value, and the choice of the deliveries that are tried together next."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from core.index_ranges import Ranges, indices, length, take, to_ranges
from core.money import Cost
from core.retry import gather_seconds
from schemas.statuses import Reason, Status

NEVER_TRIED = datetime.min.replace(tzinfo=UTC)
"""Value of `not_before` for deliveries that were never tried."""
CLOCK_MARGIN = timedelta(milliseconds=1)
"""Margin added to the expiry, larger than the rounding error between clocks."""


@dataclass(frozen=True, slots=True)
class History:
    """Earlier tries of a delivery that was not sent."""

    waited: timedelta
    """Age of the delivery at its next try: the sum of the waits between its tries. Time in which it waited for us, such
    as an outage, a pause, a schedule or a backlog, does not count."""
    reason: Reason
    """Last answer: `unavailable`, `rate_limited` or `no_answer`."""
    provider: str | None
    """Provider that was asked last."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries of one chunk that are tried together. All have used the same number of attempts."""

    ranges: Ranges
    """Indices of the deliveries in the part."""
    attempts: int = 0
    possibly_sent: frozenset[int] = frozenset()
    """Indices of the deliveries that a provider may already have accepted."""
    pinned_provider: str | None = None
    """Only provider that may be called, because it may have accepted the deliveries and deduplicates by delivery id."""
    histories: Mapping[int, History] = field(default_factory=dict)
    """Earlier tries by index. A delivery that was never tried has none."""

    def __len__(self) -> int:
        return length(self.ranges)


@dataclass(frozen=True, slots=True)
class Window:
    """Batch that is being sent: the intent that a claim or an advance records before the first call (I4)."""

    batch: Batch
    provider: str | None
    """Name of the chosen provider. None if the channel has no provider."""
    reserved: bool = False
    """True if the budget of the request has room for all of it. Without that, no delivery of such a request is sent."""


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """Delivery that was tried and waits for its next attempt."""

    index: int
    attempts: int
    not_before: datetime
    possibly_sent: bool = False
    pinned_provider: str | None = None
    history: History | None = None


@dataclass(frozen=True, slots=True)
class DecidedDelivery:
    """Delivery whose outcome is known but not logged yet. It is never part of a window."""

    index: int
    status: Status
    reason: Reason
    error: str | None = None
    provider: str | None = None
    attempts: int = 0


Counts = Counter[tuple[Status, Reason | None]]
"""Number of deliveries by status and reason. A chunk sets these counts and never increments them (I2)."""


@dataclass(frozen=True, slots=True)
class Work:
    """Part of a chunk that its owner rewrites. Each delivery of the chunk is in exactly one of the fields."""

    next: Batch | None = None
    """Batch that the next claim makes its first window. Set only while no process has claimed the chunk."""
    untried: Ranges = ()
    """Deliveries that were never tried."""
    retries: tuple[WaitingDelivery, ...] = ()
    """Deliveries that were tried and will be tried again."""
    decided: tuple[DecidedDelivery, ...] = ()
    counts: Counts = field(default_factory=Counter)
    """Counts of the deliveries that have their log."""
    unacknowledged: Ranges = ()
    """Deliveries that are logged, but whose events are not acknowledged yet. They are also in `counts`."""
    without_key: timedelta = timedelta()
    """Time that the chunk waited because the consumers that claimed it did not have its sealing key."""
    accepted_pending: bool = False
    """True until Kafka has acknowledged `request.accepted`, if the chunk was written together with its request."""
    cost: Cost = field(default_factory=dict)
    """Sum of the costs in the logs of the deliveries in `counts`. It is set and never incremented (I2)."""
    doubts: Mapping[int, int] = field(default_factory=dict)
    """Possible cost of uncertain tries of deliveries without an outcome, in millionths by index in the part."""

    @property
    def waiting(self) -> int:
        """Return the number of deliveries that are neither decided nor logged, including those of `next`."""
        return len(self.next or ()) + length(self.untried) + len(self.retries)


def take_next_batch(work: Work, now: datetime, size: int) -> tuple[Batch | None, Work]:
    """Return the next batch of at most `size`, and the work without it. Due retries come before untried deliveries."""
    if work.next:
        return work.next, replace(work, next=None)
    ready = [line for line in work.retries if line.not_before <= now]
    if ready:
        batch = _same_batch(ready)[:size]
        chosen = {line.index for line in batch}
        rest = tuple(line for line in work.retries if line.index not in chosen)
        return as_batch(batch), replace(work, retries=rest)
    first, untried = take(work.untried, size)
    return (Batch(first) if first else None), replace(work, untried=untried)


def _same_batch(lines: Sequence[WaitingDelivery]) -> list[WaitingDelivery]:
    """Return the deliveries that can share a window with the longest waiting one. The longest waiting comes first."""
    ordered = sorted(lines, key=lambda line: (line.not_before, line.index))
    first = ordered[0]
    return [
        line for line in ordered if (line.attempts, line.pinned_provider) == (first.attempts, first.pinned_provider)
    ]


def as_batch(lines: Iterable[WaitingDelivery]) -> Batch:
    """Return deliveries with the same attempts and provider as a batch."""
    ordered = sorted(lines, key=lambda line: line.index)
    possibly_sent = frozenset(line.index for line in ordered if line.possibly_sent)
    histories = {line.index: line.history for line in ordered if line.history}
    ranges = to_ranges(line.index for line in ordered)
    return Batch(ranges, ordered[0].attempts, possibly_sent, ordered[0].pinned_provider, histories)


def prepare_release(work: Work, size: int, expires_at: datetime | None = None) -> tuple[Work, datetime | None]:
    """Return the work of a chunk that its owner releases, with its next batch chosen, and its due date (None: at once).

    A next batch that is already chosen stays.
    """
    if work.next:
        return work, None
    first, untried = take(work.untried, size)
    if first:
        return replace(work, next=Batch(first), untried=untried), None
    if not work.retries:
        return work, None
    due = _gathered_at(_same_batch(work.retries)[:size], expires_at)
    batch, rest = take_next_batch(work, due, size)
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


def waiting_deliveries(work: Work) -> list[WaitingDelivery]:
    """Return all waiting deliveries in order of their index. A cancel or an expiry ends these."""
    untried = [WaitingDelivery(index, 0, NEVER_TRIED) for index in indices(work.untried)]
    return sorted((*untried, *work.retries), key=lambda line: line.index)


def without_outcome(work: Work, window: Window | None) -> set[int]:
    """Return the indices of the deliveries that may still be sent: waiting, or in the window."""
    batches = [batch.ranges for batch in (work.next, window and window.batch) if batch]
    return {*indices(work.untried), *(retry.index for retry in work.retries), *chain(*map(indices, batches))}


def due_before_expiry(due_at: datetime | None, expires_at: datetime | None) -> datetime | None:
    """Return the due date of a released chunk. A delivery that would be tried after the expiry ends at the expiry."""
    if due_at is None or expires_at is None:
        return due_at
    return min(due_at, expires_at + CLOCK_MARGIN)


def tally(counts: Counts) -> tuple[dict[str, int], dict[str, int]]:
    """Return the counts by status and the counts by reason."""
    by_status: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    for (status, reason), number in sorted(counts.items(), key=str):
        by_status[status.value] = by_status.get(status.value, 0) + number
        if reason is not None:
            by_reason[reason.value] = by_reason.get(reason.value, 0) + number
    return by_status, by_reason
