"""What the OpenAPI document shows: a body and an answer of each operation."""

from typing import Any

from pydantic import BaseModel

from producer.bulk.idempotency import OTHER
from producer.http.protocol import PHRASES
from producer.http.request_bodies import BODY_SECONDS, too_large, too_slow
from producer.read.search_filters import NO_REQUEST
from producer.settings import ProducerSettings
from schemas.bulk_body import BulkSendRequest
from schemas.read_requests import LogSearch

Json = dict[str, Any]

_WHEN = "2026-04-15T10:00:00.000Z"
_REQUEST = "019d9103-3601-7c1c-8707-070707070707"

BODIES: dict[str, tuple[type[BaseModel], Json]] = {
    "send_bulk": (
        BulkSendRequest,
        {
            "contract": {
                "summary": "The contract's own",
                "value": {
                    "channel": "sms",
                    "content": "您的验证码是123456",
                    "recipients": ["13800138000", "13900139000"],
                    "subject": "通知",
                    "user_id": "usr_abc123",
                },
            },
            "variables": {
                "summary": "A text for each",
                "value": {
                    "channel": "email",
                    "subject": "Hello {{name}}",
                    "content": "Your code is {{code}}",
                    "recipients": [
                        {"to": "wei@example.com", "variables": {"code": "7"}, "reference": "order-17"},
                        {"to": "anna@example.com", "variables": {"code": "8", "name": "Anna"}},
                    ],
                    "variables": {"name": "you"},
                },
            },
        },
    ),
    "search_logs": (
        LogSearch,
        {
            "recipient": {
                "summary": "What one recipient got",
                "value": {"recipient": "13800138000", "from": "2026-04-01T00:00:00Z"},
            },
            "failed": {
                "summary": "Whom a request did not reach",
                "value": {"request_id": _REQUEST, "status": ["failed", "unknown"], "page_size": 100},
            },
        },
    ),
}
"""The bodies that routes read themselves, by operation: model and examples."""

_ITEM: Json = {
    "id": "log_38bwp7hh1q0jf1my2cmqs46haw000000000",
    "channel": "sms",
    "content": "您的验证码是123456",
    "recipient": "138****8000",
    "status": "pending",
    "tenant_id": "tnt_xyz789",
    "user_id": "usr_abc123",
    "created_at": _WHEN,
    "updated_at": _WHEN,
    "request_id": _REQUEST,
    "attempts": 0,
}
_SENT: Json = {
    **_ITEM,
    "status": "sent",
    "provider": "aliyun",
    "updated_at": "2026-04-15T10:01:00.000Z",
    "sent_at": "2026-04-15T10:01:00.000Z",
    "attempts": 1,
}
_SUMMARY: Json = {
    "request_id": _REQUEST,
    "tenant_id": "tnt_xyz789",
    "user_id": "usr_abc123",
    "channel": "sms",
    "category": "transactional",
    "total": 2,
    "complete": True,
    "incomplete": False,
    "cancelled": False,
    "state": "completed",
    "parts": {"known": 1, "expanded": 1},
    "accepted_at": _WHEN,
    "begun_at": "2026-04-15T10:00:01.000Z",
    "completed_at": "2026-04-15T10:01:00.000Z",
}
_OK: Json = {"code": 200, "message": "ok", "timestamp": _WHEN}
_COUNTS: Json = {"done": 2, "by_status": {"failed": 1, "sent": 1}, "by_reason": {"invalid_recipient": 1}}
_PAGE: Json = {"page": 1, "page_size": 20, "total": 1, "total_pages": 1, "has_next": False, "has_prev": False}


def _page(message: str, item: Json) -> Json:
    return {"code": 200, "items": [item], "message": message, "pagination": _PAGE, "timestamp": _WHEN, "total": 1}


def _ordered(message: str, state: str, most: int) -> Json:
    return {**_OK, "message": message, "request_id": _REQUEST, "state": state, "may_still_be_sent": most}


ANSWERS: dict[str, Json] = {
    "send_bulk": _page("accepted", _ITEM),
    "list_logs": _page("ok", _SENT),
    "search_logs": _page("ok", _SENT),
    "read_log": {**_SENT, **_OK},
    "list_requests": _page("ok", _SUMMARY),
    "read_request": {**_SUMMARY, **_COUNTS, **_OK},
    "cancel_scheduled": _ordered("cancelled", "cancelled", 0),
    "cancel": _ordered("cancelled; at most 100 deliveries that had begun may still be sent", "cancelled", 100),
    "pause": _ordered("paused; at most 100 deliveries that had begun may still be sent", "paused", 100),
    "resume": _ordered("sending", "sending", 0),
}
"""The 200 of each operation."""

ERRORS: dict[str, Json] = {
    status: {"code": int(status), "message": message, "timestamp": _WHEN}
    for status, message in {
        "400": "recipients[17].to: is required",
        "401": "the token has expired",
        "403": "the token lacks the scope communication:send",
        "404": NO_REQUEST,
        "408": too_slow(BODY_SECONDS),
        "409": OTHER,
        "413": too_large(ProducerSettings.model_fields["max_body_bytes"].default),
        "415": "Content-Type must be application/json",
        "431": PHRASES[431],
        "500": "internal server error",
        "503": "Kafka is away; nothing was sent",
    }.items()
}
"""Example of the error of each status, in the words of the service."""
