"""The roll call as values: counts, recipients that were not reached, and whether all are accounted for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.statuses import Status

REACHED = frozenset({Status.SENT.value, Status.DELIVERED.value})
"""Statuses that count as reached."""

NOT_FAILED = REACHED | {Status.SUPPRESSED.value}
"""Statuses that are not failures. A suppressed recipient must not be sent to, or appears earlier in the request."""

Counts = Mapping[tuple[str, str | None], int]
"""Number of deliveries by status and reason."""


@dataclass(frozen=True, slots=True, order=True)
class NotReached:
    """One recipient that was not reached. The order is that of the request."""

    part: int
    index: int
    recipient: str = field(compare=False)
    """Masked address."""
    reference: str | None = field(compare=False)
    status: str = field(compare=False)
    reason: str | None = field(compare=False)
    error: str | None = field(compare=False)
    log_id: str = field(compare=False)
    line: int | None = field(default=None, compare=False)
    """Line of the file, for a recipient without a reference. None if the file is not known."""
    resent_as: str | None = field(default=None, compare=False)
    """Log id of the delivery that repeats this one."""
    encoding: str | None = field(default=None, compare=False)
    segments: int | None = field(default=None, compare=False)
    """Number of segments of an SMS that was rendered for a provider."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Content of a roll call."""

    counts: Counts
    total: int
    """Number of recipients of the request."""
    not_reached: Sequence[NotReached]
    """First recipients that were not reached, in request order."""
    not_reached_total: int
    accounted: bool
    """True if nothing is left to attempt and the counts add up to the number of recipients."""
    part_sizes: Sequence[int] = ()
    """Number of recipients of the first parts, as far as they are known."""
    notes: Sequence[str] = ()
    """Lines to print above the last line."""
    waiting_total: int = 0
    """Number of deliveries that were tried and wait for their next try."""
    resent_as: Mapping[str, int] = field(default_factory=dict)
    """Number of deliveries that each later request repeats, by the id of that request."""
    cost: Mapping[str, str] | None = None
    """Sum of the costs of all deliveries, by currency. None if no price is known."""
    unpriced: int = 0
    """Number of deliveries that may have been paid, and whose price is not known. 0 if the ledger is read."""

    @property
    def unknown(self) -> int:
        """Return the number of deliveries that may or may not have been sent."""
        return by_status(self.counts).get(Status.UNKNOWN.value, 0)

    @property
    def failures(self) -> int:
        """Return the number of recipients that are neither sent, delivered nor suppressed."""
        return sum(number for (status, _), number in self.counts.items() if status not in NOT_FAILED)


def by_status(counts: Counts) -> dict[str, int]:
    """Return the counts by status alone, in the order in which statuses are defined."""
    sums = dict.fromkeys((status.value for status in Status), 0)
    for (status, _), number in counts.items():
        sums[status] = sums.get(status, 0) + number
    return {status: number for status, number in sums.items() if number}
