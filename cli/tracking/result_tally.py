"""Tally of the result events of one request. Repeated events change nothing, and a recipient needs one bit."""

from bisect import insort
from collections import Counter

from cli.report.summary import REACHED, NotReached, Summary
from cli.tracking.position_set import PositionSet
from schemas.results import DeliveryEvent, EventType, RequestCompleted, RequestRejected
from schemas.statuses import Status

MAX_SHOWN = 20
"""Maximum number of recipients that were not reached and are shown."""


class ResultTally:
    """Counts and outcomes from the events of a request that were read so far."""

    def __init__(self, request_id: str, tenant_id: str, expected: int) -> None:
        self.request_id, self.tenant_id = request_id, tenant_id
        self.expected = expected
        """Number of recipients of the request."""
        self.counts: Counter[tuple[str, str | None]] = Counter()
        """Outcomes by status and reason."""
        self.receipts: Counter[str] = Counter()
        self.completed: RequestCompleted | None = None
        self.rejected: RequestRejected | None = None
        self._unpriced = 0
        """Number of deliveries that may have been paid, and whose price is not known."""
        self.unreadable = 0
        """Number of events that could not be decoded."""
        self.not_reached: list[NotReached] = []
        self._outcomes = PositionSet()
        self._receipts_seen = PositionSet()
        self.completed_now = False
        """True if the completion was published after this attempt began."""

    @property
    def reported(self) -> int:
        """Return the number of recipients that have an outcome."""
        return len(self._outcomes)

    def add_event(self, kind: str, value: bytes, *, fresh: bool) -> None:
        """Add one event.

        `fresh` is True if the event was published after this attempt began. An older rejection belongs to an older
        attempt and is ignored.
        """
        try:
            match kind:
                case EventType.REQUEST_COMPLETED:
                    self._add_completion(RequestCompleted.model_validate_json(value), fresh=fresh)
                case EventType.REQUEST_REJECTED if fresh:
                    rejected = RequestRejected.model_validate_json(value)
                    self.rejected = rejected if rejected.tenant_id == self.tenant_id else self.rejected
                case _ if kind.startswith("delivery."):
                    self._add_delivery(DeliveryEvent.model_validate_json(value))
        except ValueError:  # includes pydantic's ValidationError, for example from an event of a newer version
            self.unreadable += 1

    def _add_completion(self, completed: RequestCompleted, *, fresh: bool) -> None:
        if completed.tenant_id == self.tenant_id:
            self.completed = completed
            self.completed_now = self.completed_now or fresh

    def _add_delivery(self, event: DeliveryEvent) -> None:
        if event.tenant_id != self.tenant_id:
            return
        if event.outcome is not None:  # an event of a receipt
            if self._receipts_seen.add(event.part, event.index):
                self.receipts[event.status.value] += 1
        elif self._outcomes.add(event.part, event.index):
            self.counts[event.status.value, event.reason and event.reason.value] += 1
            self._unpriced += event.status in {Status.SENT, Status.UNKNOWN} and event.cost is None
            if event.status.value not in REACHED:
                self._add_not_reached(event)

    def _add_not_reached(self, event: DeliveryEvent) -> None:
        """Keep the first recipients in request order. Their events may arrive in any order."""
        recipient = NotReached(
            event.part,
            event.index,
            event.recipient,
            event.reference,
            event.status.value,
            event.reason and event.reason.value,
            event.error,
            event.log_id,
        )
        if len(self.not_reached) < MAX_SHOWN or recipient < self.not_reached[-1]:
            insort(self.not_reached, recipient)
            del self.not_reached[MAX_SHOWN:]

    def summary(self) -> Summary:
        """Return the roll call. The counts of the completion take precedence over those of single events."""
        completed = self.completed
        if completed is None or _sums_by_status(self.counts) == completed.by_status:
            counts = self.counts
        else:
            counts = _counts_without_reasons(completed)
        total = completed.total if completed else self.expected
        return Summary(
            counts=counts,
            total=total,
            not_reached=self.not_reached,
            not_reached_total=sum(number for (status, _), number in counts.items() if status not in REACHED),
            accounted=completed is not None
            and not completed.incomplete
            and completed.total == self.expected == sum(completed.by_status.values()),
            part_sizes=self._outcomes.part_sizes() if self.reported == self.expected else (),
            notes=self._notes(),
            cost=completed.cost if completed else None,
            unpriced=self._unpriced,
        )

    def _notes(self) -> list[str]:
        notes = []
        if self.completed and self.completed.incomplete:
            notes.append("incomplete: a part of the request never arrived")
        if self.completed and self.completed.total != self.expected:
            notes.append(
                f"{self.expected:,} recipients were published, but request.completed counts {self.completed.total:,}"
            )
        if self.receipts:
            counts = ", ".join(f"{number:,} {status}" for status, number in sorted(self.receipts.items()))
            notes.append(f"by receipt since then: {counts}")
        if self.unreadable:
            notes.append(
                f"{self.unreadable:,} events could not be read. They may need a newer version of this command line."
            )
        return notes


def _sums_by_status(counts: Counter[tuple[str, str | None]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for (status, _), number in counts.items():
        sums[status] += number
    return dict(sums)


def _counts_without_reasons(completed: RequestCompleted) -> Counter[tuple[str, str | None]]:
    """Return the completion's counts by status. It does not tell which reason belongs to which status."""
    return Counter({(status, None): number for status, number in completed.by_status.items()})
