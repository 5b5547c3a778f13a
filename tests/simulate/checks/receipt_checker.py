"""Checks of receipts: while a world runs, and after its end."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from consumer.events import Event
from consumer.kafka.record import KafkaRecord
from consumer.settle.decode_receipt import receipt_id
from core.ids import receipt_event_id
from ledger.memory import MemoryLedger
from ledger.memory.store import Store
from ledger.models import Log
from ledger.request_counts import count_request
from schemas.receipts import ReceiptStatus
from schemas.statuses import Status
from tests.simulate.actors.vendors import Reported, Vendors
from tests.simulate.environment.provider import message_id_of

if TYPE_CHECKING:
    from tests.simulate.world import World

FORWARD = {
    (Status.UNKNOWN, Status.SENT),
    (Status.UNKNOWN, Status.DELIVERED),
    (Status.UNKNOWN, Status.FAILED),
    (Status.SENT, Status.DELIVERED),
    (Status.SENT, Status.FAILED),
}
"""Changes of a stored log that receipts may make."""
ENDS = {Status.DELIVERED, Status.FAILED}


class WatchedLogs(dict[Any, Log]):
    """Logs of the ledger, each change of which is checked as it is written."""

    def __init__(self, logs: dict[Any, Log], books: "ReceiptBooks") -> None:
        super().__init__(logs)
        self._books = books

    def __setitem__(self, name: Any, log: Log) -> None:
        if before := self.get(name):
            self._books.changed(before, log)
        super().__setitem__(name, log)


class ReceiptBooks:
    """Observations about receipts, with the checks of every step."""

    def __init__(self, world: "World", vendors: Vendors) -> None:
        self._world, self._vendors = world, vendors
        self._store: Store = world.books.store
        self._said: set[str] = set()
        """Ids of the receipt events that were acknowledged."""
        self._store.logs = WatchedLogs(self._store.logs, self)

    def changed(self, before: Log, after: Log) -> None:
        """Check that a status moves forward only, and that the outcome stays."""
        change = before.status, after.status
        if before.status is not after.status and change not in FORWARD:
            self._world.fail(f"{self._brief(before.id)} went from {change[0]} to {change[1]}")
        if (before.outcome, before.outcome_reason) != (after.outcome, after.outcome_reason):
            self._world.fail(f"a receipt changed the outcome of {self._brief(before.id)}")

    def published(self, event: Event) -> None:
        """Note an acknowledged event."""
        self._said.add(event.id)

    def committed(self, record: KafkaRecord) -> None:
        """Check that a receipt whose offset is committed has had its effect, or is kept."""
        self._done(receipt_id(record), "is committed")

    def deleted(self, ids: Collection[str]) -> None:
        """Check that a kept receipt that is deleted has had its effect."""
        for each in ids:
            self._done(each, "is not kept any more")

    def _done(self, receipt: str, what: str) -> None:
        report = self._vendors.reported.get(receipt)
        if report is None or self._world.ages or receipt in self._store.receipts:
            return
        log = self._store.logs.get(report.delivery)
        if log is None:
            if report.status is not ReceiptStatus.UNRECOGNISED:
                self._world.fail(
                    f"receipt {receipt} {what}, and its delivery {self._brief(report.delivery)} has no log"
                )
        elif is_due(report, log):
            self._world.fail(f"receipt {receipt} {what}, and did not move {self._brief(log.id)} on")
        elif log.settled_by == receipt and log.status in ENDS and receipt_event_id(log.id) not in self._said:
            self._world.fail(f"receipt {receipt} {what}, and the event of {self._brief(log.id)} is not acknowledged")

    def unsettled(self) -> str | None:
        """Return what is not settled yet."""
        if self._vendors.on_the_way:
            return "a receipt is on its way"
        for name in self._store.receipts:
            report = self._vendors.reported.get(name)
            log = self._store.logs.get(report.delivery) if report else None
            if report and log and matches(report, log):
                return f"receipt {name} of {self._brief(log.id)} is kept"
        return None

    def findings(self, events: dict[str, Event]) -> Iterator[str]:
        """Return the errors of all logs after the end."""
        for log in self._store.logs.values():
            yield from self._moved(log)
            yield from self._event_of(log, events)
        for receipt, report in self._vendors.reported.items():
            log = self._store.logs.get(report.delivery)
            if log and is_due(report, log):
                yield f"receipt {receipt} is lost: {self._brief(log.id)} is still {log.status}"
        yield from asyncio.run(self._miscounted(self._world.ledger))

    def _moved(self, log: Log) -> Iterator[str]:
        report = self._vendors.reported.get(log.settled_by or "")
        if log.settled_by is None:
            if log.status is not log.outcome:
                yield f"{self._brief(log.id)} is {log.status}, and no receipt says so"
        elif report is None and log.provider is None and log.outcome is Status.UNKNOWN:
            return  # No provider is known to have it, so any may tell of it (docs/protocol.md).
        elif report is None or report.delivery != log.id or report.status.value != log.status.value:
            yield f"{self._brief(log.id)} is {log.status} by {log.settled_by}, which is no receipt of it"

    def _event_of(self, log: Log, events: dict[str, Event]) -> Iterator[str]:
        event, is_due_ = events.get(receipt_event_id(log.id)), bool(log.settled_by) and log.status in ENDS
        if (event is not None) is not is_due_:
            yield f"{self._brief(log.id)} is {log.status}, and has {'a' if event else 'no'} receipt event"
        elif event:
            said = orjson.loads(event.body)
            stands = [log.status, log.outcome, log.reason, log.provider, log.recipient]
            if [said[name] for name in ("status", "outcome", "reason", "provider", "recipient")] != stands:
                yield f"the receipt event of {self._brief(log.id)} says another thing than its log"

    async def _miscounted(self, ledger: MemoryLedger) -> list[str]:
        """Compare the counts that a request shows with its logs."""
        wrong = []
        for key, document in self._store.requests.items():
            if document.request.completion:
                counted = (await count_request(ledger, document.request)).current
                logs = [log for log in self._store.logs.values() if log.id.startswith(f"log_{key}")]
                if counted != Counter((log.status, log.reason) for log in logs):
                    wrong.append(f"{document.request.header.request_id} counts {dict(counted)}, its logs differ")
        return wrong

    def _brief(self, delivery: str) -> str:
        return self._world.books.brief(delivery)


def matches(report: Reported, log: Log) -> bool:
    """Return whether a genuine report is about this log, as far as its provider may know."""
    named = report.names_delivery or log.provider_message_id == message_id_of(report.delivery)
    return named and (log.provider == report.provider or (log.provider is None and log.outcome is Status.UNKNOWN))


def is_due(report: Reported, log: Log) -> bool:
    """Return whether a genuine report still has to move this log."""
    if report.status is ReceiptStatus.UNRECOGNISED or not matches(report, log):
        return False
    return (log.status, Status(report.status.value)) in FORWARD
