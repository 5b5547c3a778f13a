"""What a chunk still has to do, as a value; and which deliveries are tried together next."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from core.index_ranges import Ranges, indices, length, take, to_ranges
from schemas.statuses import Reason, Status

NEVER_TRIED = datetime.min.replace(tzinfo=UTC)
"""The not-before of what was never tried."""
CLOCK_MARGIN = timedelta(milliseconds=1)
"""So much later nobody's clock is still before it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries of one chunk that are tried together: all have spent the same number of attempts."""

    ranges: Ranges
    """Their indices in the part."""
    attempts: int = 0
    possibly_sent: frozenset[int] = frozenset()
    """Those that some provider may have taken already."""
    pinned_provider: str | None = None
    """The one provider that may be asked, because it may have taken them and deduplicates by delivery id."""

    def __len__(self) -> int:
        return length(self.ranges)


@dataclass(frozen=True, slots=True)
class Window:
    """A batch on its way: the intent that a claim or an advance records before the first call (I4)."""

    batch: Batch
    provider: str | None
    """The provider chosen; None where the channel has none."""


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """A delivery that was tried and waits to be tried again."""

    index: int
    attempts: int
    not_before: datetime
    possibly_sent: bool = False
    pinned_provider: str | None = None


@dataclass(frozen=True, slots=True)
class DecidedDelivery:
    """A delivery whose outcome is known and not logged yet; never part of a window."""

    index: int
    status: Status
    reason: Reason
    error: str | None = None
    provider: str | None = None
    attempts: int = 0


Counts = Counter[tuple[Status, Reason | None]]
"""How many deliveries ended with which status and reason; set in a chunk, never incremented (I2)."""


@dataclass(frozen=True, slots=True)
class Work:
    """The part of a chunk that its owner rewrites. Each delivery of the chunk is in exactly one of its places."""

    next: Batch | None = None
    """What the next claim makes its first window; only while nobody holds the chunk."""
    untried: Ranges = ()
    """Never tried."""
    retries: tuple[WaitingDelivery, ...] = ()
    """Tried, to be tried again."""
    decided: tuple[DecidedDelivery, ...] = ()
    counts: Counts = field(default_factory=Counter)
    """Those that have their log."""
    unacknowledged: Ranges = ()
    """Logged, but their events not yet acknowledged; these are in `counts` too."""

    @property
    def waiting(self) -> int:
        """How many deliveries are neither decided nor logged, those of `next` included."""
        return len(self.next or ()) + length(self.untried) + len(self.retries)

    def due(self) -> datetime | None:
        """When the earliest delivery may be tried; None: at once, or there is none."""
        return None if self.next or self.untried or not self.retries else min(line.not_before for line in self.retries)


def take_next_batch(work: Work, now: datetime, size: int) -> tuple[Batch | None, Work]:
    """The next batch of at most `size`, and the work without it. Retries that are due come before fresh deliveries."""
    if work.next:
        return work.next, replace(work, next=None)
    ready = [line for line in work.retries if line.not_before <= now]
    if ready:
        batch = _same_batch(ready)[:size]
        chosen = {line.index for line in batch}
        rest = tuple(line for line in work.retries if line.index not in chosen)
        return as_batch(batch), replace(work, retries=rest)
    head, rest_todo = take(work.untried, size)
    return (Batch(head) if head else None), replace(work, untried=rest_todo)


def _same_batch(lines: Sequence[WaitingDelivery]) -> list[WaitingDelivery]:
    """The lines that can share a window with the one that waits longest, the longest waiting first."""
    ordered = sorted(lines, key=lambda line: (line.not_before, line.index))
    first = ordered[0]
    return [
        line for line in ordered if (line.attempts, line.pinned_provider) == (first.attempts, first.pinned_provider)
    ]


def as_batch(lines: Iterable[WaitingDelivery]) -> Batch:
    """Lines that are alike, as a batch."""
    ordered = sorted(lines, key=lambda line: line.index)
    tainted = frozenset(line.index for line in ordered if line.possibly_sent)
    return Batch(to_ranges(line.index for line in ordered), ordered[0].attempts, tainted, ordered[0].pinned_provider)


def prepare_release(work: Work, size: int) -> tuple[Work, datetime | None]:
    """The work of a chunk that its owner leaves, its next batch chosen; and when it is due (None: at once).

    A next batch that is chosen already stays.
    """
    if work.next:
        return work, None
    fresh, todo = take(work.untried, size)
    if fresh:
        return replace(work, next=Batch(fresh), untried=todo), None
    due = work.due()
    if due is None:
        return work, None
    batch, rest = take_next_batch(work, due, size)
    return replace(rest, next=batch), due


def waiting_deliveries(work: Work) -> list[WaitingDelivery]:
    """Every waiting delivery as a line, in order; what a cancel or an expiry finds."""
    fresh = [WaitingDelivery(index, 0, NEVER_TRIED) for index in indices(work.untried)]
    return sorted((*fresh, *work.retries), key=lambda line: line.index)


def due_before_expiry(due_at: datetime | None, expires_at: datetime | None) -> datetime | None:
    """When a chunk that is put back is due: what would be tried after the expiry ends at it."""
    if due_at is None or expires_at is None:
        return due_at
    return min(due_at, expires_at + CLOCK_MARGIN)
