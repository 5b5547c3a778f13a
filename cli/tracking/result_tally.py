"""The roll of one request, called as its result events come in. Repeats change nothing; a recipient costs a bit."""

from bisect import insort
from collections import Counter

from cli.report.summary import REACHED, NotReached, Summary
from cli.tracking.position_set import PositionSet
from core.ids import receipt_event_id
from schemas.results import DeliveryEvent, EventType, RequestCompleted, RequestRejected

KEPT = 20
"""How many of those who were not reached are kept to be shown."""


class ResultTally:
    """What the events of a request have said so far."""

    def __init__(self, request_id: str, tenant_id: str, expected: int) -> None:
        self.request_id, self.tenant_id = request_id, tenant_id
        self.expected = expected
        """How many recipients were sent."""
        self.counts: Counter[tuple[str, str | None]] = Counter()
        """Outcomes by status and reason."""
        self.receipts: Counter[str] = Counter()
        self.completed: RequestCompleted | None = None
        self.rejected: RequestRejected | None = None
        self.unreadable = 0
        """Events that this reader cannot read."""
        self.missed: list[NotReached] = []
        self._outcomes = PositionSet()
        self._moved = PositionSet()
        self.concluded = False
        """The completion was published after this attempt began."""

    @property
    def reported(self) -> int:
        """How many recipients have their outcome."""
        return len(self._outcomes)

    def add_event(self, kind: str, value: bytes, *, fresh: bool) -> None:
        """Take in one event. `fresh`: it was published after this attempt began; older refusals are of older ones."""
        try:
            match kind:
                case EventType.REQUEST_COMPLETED:
                    self._complete(RequestCompleted.model_validate_json(value), fresh=fresh)
                case EventType.REQUEST_REJECTED if fresh:
                    rejected = RequestRejected.model_validate_json(value)
                    self.rejected = rejected if rejected.tenant_id in {None, self.tenant_id} else self.rejected
                case _ if kind.startswith("delivery."):
                    self._delivery(DeliveryEvent.model_validate_json(value))
        except ValueError:  # pydantic's is one; what is newer than this reader is not for it
            self.unreadable += 1

    def _complete(self, completed: RequestCompleted, *, fresh: bool) -> None:
        if completed.tenant_id == self.tenant_id:
            self.completed = completed
            self.concluded = self.concluded or fresh

    def _delivery(self, event: DeliveryEvent) -> None:
        if event.tenant_id != self.tenant_id:
            return
        if event.event_id == receipt_event_id(event.log_id):
            if self._moved.add(event.part, event.index):
                self.receipts[event.status.value] += 1
        elif self._outcomes.add(event.part, event.index):
            self.counts[event.status.value, event.reason and event.reason.value] += 1
            if event.status.value not in REACHED:
                self._keep(event)

    def _keep(self, event: DeliveryEvent) -> None:
        """Keep the first in request order, whatever the order in which their events come."""
        missed = NotReached(
            event.part,
            event.index,
            event.recipient,
            event.reference,
            event.status.value,
            event.reason and event.reason.value,
            event.error,
            event.log_id,
        )
        if len(self.missed) < KEPT or missed < self.missed[-1]:
            insort(self.missed, missed)
            del self.missed[KEPT:]

    def summary(self) -> Summary:
        """The roll call: by the completion's counts where there is one, else by what was heard."""
        completed = self.completed
        if completed is None or _sums(self.counts) == completed.by_status:
            counts = self.counts
        else:
            counts = _without_detail(completed)
        total = completed.total if completed else self.expected
        return Summary(
            counts=counts,
            total=total,
            missed=self.missed,
            missed_total=sum(number for (status, _), number in counts.items() if status not in REACHED),
            accounted=completed is not None
            and not completed.incomplete
            and completed.total == self.expected == sum(completed.by_status.values()),
            notes=self._notes(),
        )

    def _notes(self) -> list[str]:
        notes = []
        if self.completed and self.completed.incomplete:
            notes.append("incomplete: a part of the request never came")
        if self.completed and self.completed.total != self.expected:
            notes.append(f"{self.expected:,} recipients were sent, the completion speaks of {self.completed.total:,}")
        if self.receipts:
            said = ", ".join(f"{number:,} {status}" for status, number in sorted(self.receipts.items()))
            notes.append(f"by receipt since then: {said}")
        if self.unreadable:
            notes.append(f"events that could not be read, perhaps newer than this command line: {self.unreadable:,}")
        return notes


def _sums(counts: Counter[tuple[str, str | None]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for (status, _), number in counts.items():
        sums[status] += number
    return dict(sums)


def _without_detail(completed: RequestCompleted) -> Counter[tuple[str, str | None]]:
    """The completion's counts; it does not say which reason goes with which status."""
    return Counter({(status, None): number for status, number in completed.by_status.items()})
