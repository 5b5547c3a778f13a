"""The roll call as values: how many ended how, who was not reached and why, and whether all are accounted for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.statuses import Status

REACHED = frozenset({Status.SENT.value, Status.DELIVERED.value})
"""What counts as sent to."""

NOT_FAILED = REACHED | {Status.SUPPRESSED.value}
"""What is no failure: a suppressed one must not be sent, or was sent at a lower position."""

Counts = Mapping[tuple[str, str | None], int]
"""How many deliveries have which status and reason."""


@dataclass(frozen=True, slots=True, order=True)
class NotReached:
    """One recipient who was not reached."""

    part: int
    index: int
    recipient: str = field(compare=False)
    """Masked."""
    reference: str | None = field(compare=False)
    status: str = field(compare=False)
    reason: str | None = field(compare=False)
    error: str | None = field(compare=False)
    log_id: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a roll call shows."""

    counts: Counts
    total: int
    """How many recipients the request has."""
    missed: Sequence[NotReached]
    """The first of those who were not reached, in request order."""
    missed_total: int
    accounted: bool
    """Nothing is left to attempt, and the counts add up to the recipients."""
    notes: Sequence[str] = ()
    """Sentences that belong above the last line."""

    @property
    def failures(self) -> int:
        """How many ended neither sent, delivered nor suppressed."""
        return sum(number for (status, _), number in self.counts.items() if status not in NOT_FAILED)


def by_status(counts: Counts) -> dict[str, int]:
    """The counts without their reasons, in the order in which statuses are defined."""
    sums = dict.fromkeys((status.value for status in Status), 0)
    for (status, _), number in counts.items():
        sums[status] = sums.get(status, 0) + number
    return {status: number for status, number in sums.items() if number}
