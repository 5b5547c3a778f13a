"""Examples of records, one of each kind. Tests check each against its schema."""  # noqa: INP001

from typing import Any

from core.ids import chunk_id, log_id, outcome_event_id, receipt_event_id, request_event_id, request_key
from schemas.results import EventType

Json = dict[str, Any]

_KEY = request_key("tnt_xyz789", "order-mail-2026-04-15")

REQUEST: Json = {
    "tenant_id": "tnt_xyz789",
    "request_id": "order-mail-2026-04-15",
    "channel": "sms",
    "content": "您的验证码是{{code}}",
    "recipients": [
        "13800138000",
        {"to": "13900139000", "variables": {"code": "7"}, "reference": "order-17"},
    ],
    "variables": {"code": "123456"},
}
"""Example of a request. The required fields are channel, content, recipients and tenant_id."""

_LOG = log_id(_KEY, 0, 1)
_SHARED: Json = {"request_id": "order-mail-2026-04-15", "tenant_id": "tnt_xyz789"}
_WHEN: Json = {"occurred_at": "2026-04-15T10:01:00.000Z", "correlation_id": None}

DELIVERY: Json = {
    "event_id": outcome_event_id(_LOG),
    **_SHARED,
    "log_id": _LOG,
    "part": 0,
    "index": 1,
    "reference": "order-17",
    "channel": "sms",
    "recipient": "139****9000",
    "status": "sent",
    "provider": "aliyun",
    "reason": None,
    "error": None,
    "attempts": 1,
    **_WHEN,
}
RECEIPT_EVENT: Json = {
    **DELIVERY,
    "event_id": receipt_event_id(_LOG),
    "status": "failed",
    "outcome": "sent",
    "reason": "undelivered",
    "receipt_class": "hard_bounce",
    "code": "30005",
}
ACCEPTED: Json = {"event_id": request_event_id(_KEY, "accepted", 0), **_SHARED, "part": 0, "recipients": 2, **_WHEN}
REJECTED: Json = {
    "event_id": request_event_id(_KEY, "rejected", 0),
    **_SHARED,
    "part": 0,
    "reason": "invalid_schema",
    "fields": ["recipients[3].to"],
    "message": "recipients[3].to: field required",
    **_WHEN,
}
COMPLETED: Json = {
    "event_id": request_event_id(_KEY, "completed"),
    **_SHARED,
    "total": 2,
    "by_status": {"sent": 1, "failed": 1},
    "by_reason": {"invalid_recipient": 1},
    "incomplete": False,
    **_WHEN,
}
POINTER: Json = {"chunk_id": chunk_id(_KEY, 0, 0), "channel": "sms", "schema_version": 1}
RECEIPT: Json = {
    "provider": "aliyun",
    "provider_message_id": "900619746936498440",
    "status": "delivered",
    "occurred_at": "2026-04-15T10:01:05Z",
}
DEAD_LETTER_HEADERS: Json = {"origin": "communication.bulk.requests/3/4711", "reason": "not_json"}
REPLAY_NOTE_HEADERS: Json = {
    "rollcall_replayed": "0/12",
    "rollcall_replayed_as": "communication.bulk.requests/3/4802",
}


def event_headers(event: Json) -> Json:
    """Return the CloudEvents attributes of an event."""
    return {
        "ce_id": event["event_id"],
        "ce_type": _type_of(event),
        "ce_source": "rollcall",
        "ce_specversion": "1.0",
        "ce_time": event["occurred_at"],
    }


def _type_of(event: Json) -> EventType:
    if "status" in event:
        return EventType(f"delivery.{event['status']}")
    return EventType(f"request.{event['event_id'].rpartition('.')[2]}")
