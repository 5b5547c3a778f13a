"""Result events, built from the data in the ledger. A repeat is the same event (I6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from core.ids import outcome_event_id, position, receipt_event_id, request_event_id
from core.json_bytes import json_bytes
from core.money import show_cost
from core.rfc3339 import rfc3339
from ledger.models import Completion, Log, RequestHeader
from schemas.results import CE_SOURCE, EventType
from schemas.statuses import RejectionReason

Headers = list[tuple[str, bytes]]

MAX_EVENT_BYTES = 64 * 1024
"""Size in bytes that no event reaches. A topic that refuses an event of this size refuses all events."""

_SPEC = ("ce_specversion", b"1.0")
_SOURCE = ("ce_source", CE_SOURCE.encode())


class Event(NamedTuple):
    """Event in the form in which it is published."""

    id: str
    type: str
    time: str
    body: bytes

    def headers(self) -> Headers:
        """Return the CloudEvents 1.0 attributes in the binary mode of Kafka."""
        return [
            ("ce_id", self.id.encode()),
            ("ce_type", self.type.encode()),
            _SOURCE,
            _SPEC,
            ("ce_time", self.time.encode()),
        ]


def outcome_events(logs: Mapping[int, Log], header: RequestHeader, part: int) -> list[Event]:
    """Return the `delivery.<outcome>` events of stored logs, which are given by their index in the part."""
    common = orjson.dumps(
        {
            "request_id": header.request_id,
            "part": part,
            "tenant_id": header.tenant_id,
            "channel": header.channel,
            "correlation_id": header.correlation_id,
        }
    )
    rest = b"," + common[1:]
    return [_outcome_event(index, log, rest) for index, log in logs.items()]


def _outcome_event(index: int, log: Log, rest: bytes) -> Event:
    """Return the event of one log. `rest` is the part of the JSON that all events share."""
    # A receipt may have changed the log before its outcome was published, or before it is published again.
    reason, error, updated_at = log.as_logged or (log.reason, log.error, log.updated_at)
    event_id, time = outcome_event_id(log.id), rfc3339(log.sent_at or updated_at)
    body = {
        "event_id": event_id,
        "log_id": log.id,
        "index": index,
        "reference": log.reference,
        "recipient": log.recipient,
        "status": log.outcome,
        "provider": log.provider,
        "reason": reason,
        "error": error,
        "attempts": log.attempts,
        "occurred_at": time,
    }
    if log.resend_of is not None:
        body["resend_of"] = log.resend_of
    if log.encoding is not None:
        body["encoding"], body["segments"] = log.encoding, log.segments
    if log.cost is not None:
        body["cost"] = show_cost(log.cost)
    return Event(event_id, f"delivery.{log.outcome}", time, orjson.dumps(body)[:-1] + rest)


def receipt_event(log: Log, correlation_id: str | None) -> Event:
    """Return `delivery.delivered` or `delivery.failed` of a stored log that a receipt moved there."""
    position_of_log = position(log.id)
    if position_of_log is None or log.receipt_at is None:
        raise ValueError("no receipt has moved the log")
    _, part, index = position_of_log
    event_id, time = receipt_event_id(log.id), rfc3339(log.receipt_at)
    body = {
        "event_id": event_id,
        "request_id": log.request_id,
        "log_id": log.id,
        "part": part,
        "index": index,
        "reference": log.reference,
        "tenant_id": log.tenant_id,
        "channel": log.channel,
        "recipient": log.recipient,
        "status": log.status,
        "outcome": log.outcome,
        "provider": log.provider,
        "reason": log.reason,
        "error": log.error,
        "attempts": log.attempts,
        "occurred_at": time,
        "correlation_id": correlation_id,
    }
    given = {"receipt_class": log.receipt_class, "code": log.receipt_code, "resend_of": log.resend_of}
    body |= {name: value for name, value in given.items() if value is not None}
    return Event(event_id, f"delivery.{log.status}", time, orjson.dumps(body))


def accepted_event(header: RequestHeader, part: int, recipients: int) -> Event:
    """Return `request.accepted` of one part. Its time is that of the request, so that a repeat is the same event."""
    body = {**_request_fields(header), "part": part, "recipients": recipients}
    return _request_event(
        EventType.REQUEST_ACCEPTED, request_event_id(header.key, "accepted", part), body, header.accepted_at
    )


def completed_event(header: RequestHeader, completion: Completion) -> Event:
    """Return `request.completed`, which depends on the stored completion only."""
    body = {
        **_request_fields(header),
        "total": completion.total,
        "by_status": completion.by_status,
        "by_reason": completion.by_reason,
        "incomplete": completion.incomplete,
    }
    if completion.cost:
        body["cost"] = show_cost(completion.cost)
    event_id = request_event_id(header.key, "completed")
    return _request_event(EventType.REQUEST_COMPLETED, event_id, body, completion.completed_at)


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """Rejection of an intake record. Its fields and message show no values of the record."""

    reason: RejectionReason
    message: str
    fields: tuple[str, ...] = ()
    request_id: str | None = None
    tenant_id: str | None = None
    part: int | None = None
    correlation_id: str | None = None
    is_garbage: bool = False
    """True if the record is not a request. The circuit breaker counts it."""


def rejected_event(rejection: RejectedRecord, origin: str, now: datetime) -> Event:
    """Return `request.rejected`. Its id depends on the origin of the record, so that a repeat is the same event."""
    body = {
        "request_id": rejection.request_id,
        "tenant_id": rejection.tenant_id,
        "part": rejection.part,
        "reason": rejection.reason.value,
        "fields": list(rejection.fields),
        "message": rejection.message,
        "correlation_id": rejection.correlation_id,
    }
    return _request_event(EventType.REQUEST_REJECTED, f"evt_{origin}.rejected", body, now)


def _request_fields(header: RequestHeader) -> dict[str, Any]:
    return {"request_id": header.request_id, "tenant_id": header.tenant_id, "correlation_id": header.correlation_id}


def _request_event(kind: EventType, event_id: str, body: dict[str, Any], now: datetime) -> Event:
    time = rfc3339(now)
    return Event(event_id, kind.value, time, json_bytes({"event_id": event_id, **body, "occurred_at": time}))
