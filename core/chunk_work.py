"""Remaining work of a chunk as a value."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Self

from core.index_ranges import Ranges, indices, length
from core.money import Cost
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
    """Deliveries of one chunk that are tried together, with the same attempts and the same refusals."""

    ranges: Ranges
    """Indices of the deliveries in the part."""
    attempts: int = 0
    possibly_sent: frozenset[int] = frozenset()
    """Indices of the deliveries that a provider may already have accepted."""
    pinned_provider: str | None = None
    """Only provider that may be called, because it may have accepted the deliveries and deduplicates by delivery id."""
    histories: Mapping[int, History] = field(default_factory=dict)
    """Earlier tries by index. A delivery that was never tried has none."""
    refused_by: tuple[str, ...] = ()
    """Providers that refused the deliveries since their last attempt. See `WaitingDelivery.refused_by`."""
    provider: str | None = None
    """Provider that was chosen together with the batch, for its claim. The batch of a window has none of its own."""

    def __len__(self) -> int:
        return length(self.ranges)


@dataclass(frozen=True, slots=True)
class Window:
    """Batch that is being sent: the intent that a claim or an advance records before the first call (I4)."""

    batch: Batch
    provider: str | None
    """Name of the chosen provider. None if the channel has no provider, or if none was chosen yet."""
    reserved: bool = False
    """True if the budget of the request has room for all of it. Without that, no delivery of such a request is sent."""

    @classmethod
    def of(cls, batch: Batch, *, reserved: bool = False) -> Self:
        """Return a batch with the provider that was chosen together with it, as the window of a claim."""
        return cls(replace(batch, provider=None), batch.pinned_provider or batch.provider, reserved)

    @property
    def as_batch(self) -> Batch:
        """Return the batch of a window of which nothing was sent, for the next claim."""
        return replace(self.batch, provider=self.provider)


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """Delivery that was tried and waits for its next attempt."""

    index: int
    attempts: int
    not_before: datetime
    possibly_sent: bool = False
    pinned_provider: str | None = None
    history: History | None = None
    refused_by: tuple[str, ...] = ()
    """Providers of its route that refused it since its last attempt, in order. The next one costs no attempt."""


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
    """Possible cost of uncertain tries that is in no log, in millionths by index in the part."""

    @property
    def waiting(self) -> int:
        """Return the number of deliveries that are neither decided nor logged, including those of `next`."""
        return len(self.next or ()) + length(self.untried) + len(self.retries)


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
