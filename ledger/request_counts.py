"""Counts of the recipients of one request, by status and reason."""

from dataclasses import dataclass, field

from core.chunk_work import Counts
from core.money import Cost
from ledger.models import StoredRequest
from ledger.ports import Ledger
from ledger.receipt_effects import MoveCounts
from schemas.statuses import WITHOUT_LOG, Status


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Counts of a request by status and reason."""

    total: int
    """Number of recipients in the registered parts."""
    outcomes: Counts
    """Counts at the end of the delivery, from the chunks. They add up to the total at any time (I2)."""
    current: Counts
    """Counts after receipts. They equal `outcomes` while the request is not completed."""
    cost: Cost = field(default_factory=dict)
    """Sum of the costs of all deliveries that may have been paid."""

    @property
    def done(self) -> int:
        """Return the number of recipients with an outcome."""
        return sum(number for (status, _), number in self.current.items() if status not in WITHOUT_LOG)


async def count_request(ledger: Ledger, request: StoredRequest) -> RequestCounts:
    """Return the current counts of a request."""
    key, completion = request.header.key, request.completion
    total = known_recipients(request)
    outcomes = await ledger.chunks.counts(key)
    if completion is None:
        # Some chunks of a registered part may not be written yet. A part that was registered since then has recipients
        # beyond `total`.
        if unwritten := max(0, total - outcomes.total()):
            outcomes[Status.PENDING, None] += unwritten
        return RequestCounts(outcomes.total(), outcomes, outcomes, await ledger.chunks.cost(key))
    current = counts_after_receipts(outcomes, await ledger.logs.count_moves(key))
    return RequestCounts(total, outcomes, current, completion.cost)


def counts_after_receipts(outcomes: Counts, moves: MoveCounts) -> Counts:
    """Return the current counts: the outcomes, with each log that receipts moved counted under its status of now."""
    current = Counts(outcomes)
    for move, number in moves.items():
        current[move.outcome, move.outcome_reason] -= number
        current[move.status, move.reason] += number
    return +current


def known_recipients(request: StoredRequest) -> int:
    """Return the number of recipients in the registered parts, or of a completed request the final total."""
    if request.completion is not None:
        return request.completion.total
    return sum(part.size for part in request.parts.values())
