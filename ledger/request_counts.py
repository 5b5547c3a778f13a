"""The books of one request: how many of its recipients stand where."""

from dataclasses import dataclass

from core.chunk_work import Counts
from ledger.models import StoredRequest
from ledger.ports import Ledger
from schemas.statuses import WITHOUT_LOG, Status

FROM_LOGS = 50_000
"""The logs of a completed request of so many recipients are counted at most, in 0.1 to 1 s: beyond, receipts do not
show."""


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Counts by status and reason."""

    total: int
    """How many recipients the parts hold that are known."""
    outcomes: Counts
    """As deliver left them: from the chunks, which add up to the total at any moment (I2)."""
    current: Counts
    """As receipts have left them since; the same while the request is not completed."""

    @property
    def done(self) -> int:
        """How many have their outcome."""
        return sum(number for (status, _), number in self.current.items() if status not in WITHOUT_LOG)


async def count_request(ledger: Ledger, request: StoredRequest) -> RequestCounts:
    """The books as they stand."""
    key, completion = request.header.key, request.completion
    total = known_recipients(request)
    outcomes = await ledger.chunks.counts(key)
    if completion is None:
        # A part that is begun has recipients whose chunk is not written yet; one begun since has more than are known.
        if unwritten := max(0, total - outcomes.total()):
            outcomes[Status.PENDING, None] += unwritten
        return RequestCounts(outcomes.total(), outcomes, outcomes)
    if completion.total > FROM_LOGS:
        return RequestCounts(total, outcomes, outcomes)
    logged = await ledger.logs.counts(key)
    # Fewer logs than the completion counted: they are being deleted, their time is over.
    return RequestCounts(total, outcomes, logged if logged.total() == completion.total else outcomes)


def known_recipients(request: StoredRequest) -> int:
    """How many recipients the parts hold that were begun; of a completed request, how many it counted."""
    if request.completion is not None:
        return request.completion.total
    return sum(part.size for part in request.parts.values())
