"""Examples in the OpenAPI document: a response of each operation, and an error of each status."""

from typing import Any

from producer.auth.caller_gate import too_many_calls_message
from producer.bulk.idempotency import DIFFERENT_REQUEST
from producer.consents.routes import RECORDED, WITHDRAWN
from producer.http.body_arrival import ArrivalBounds
from producer.http.protocol import PHRASES
from producer.http.request_bodies import too_large_message, too_slow_message
from producer.openapi.body_examples import REQUEST
from producer.personal_data.remains import REMAINS
from producer.personal_data.routes import BEGUN
from producer.read.search_filters import NO_REQUEST
from producer.settings import ProducerSettings
from producer.suppressions.access import IN_EFFECT

Json = dict[str, Any]

_TIMESTAMP = "2026-04-15T10:00:00.000Z"

_ITEM: Json = {
    "id": "log_38bwp7hh1q0jf1my2cmqs46haw000000000",
    "channel": "sms",
    "content": "您的验证码是123456",
    "recipient": "138****8000",
    "status": "pending",
    "tenant_id": "tnt_xyz789",
    "user_id": "usr_abc123",
    "created_at": _TIMESTAMP,
    "updated_at": _TIMESTAMP,
    "request_id": REQUEST,
    "attempts": 0,
}
_SENT: Json = {
    **_ITEM,
    "status": "sent",
    "provider": "aliyun",
    "updated_at": "2026-04-15T10:01:00.000Z",
    "sent_at": "2026-04-15T10:01:00.000Z",
    "attempts": 1,
    "encoding": "ucs2",
    "segments": 1,
}
_SUMMARY: Json = {
    "request_id": REQUEST,
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
    "accepted_at": _TIMESTAMP,
    "begun_at": "2026-04-15T10:00:01.000Z",
    "completed_at": "2026-04-15T10:01:00.000Z",
}
_OK: Json = {"code": 200, "message": "ok", "timestamp": _TIMESTAMP}
_COUNTS: Json = {"done": 2, "by_status": {"failed": 1, "sent": 1}, "by_reason": {"invalid_recipient": 1}}
_PAGE: Json = {"page": 1, "page_size": 20, "total": 1, "total_pages": 1, "has_next": False, "has_prev": False}


_CALLBACK: Json = {**_OK, "data": {"provider": "gateway", "received": True}}

_RATE_LIMITS: Json = {
    **_OK,
    "data": {
        "sms": {"max_per_min": 600, "max_per_hour": 10_000, "max_per_day": 50_000, "tenant_id": "tnt_xyz789"},
        "email": {"max_per_hour": 20_000, "tenant_id": "tnt_xyz789"},
    },
}


_PROVIDER: Json = {
    "id": "prv_38bwp7hh1q0jf1my",
    "channel": "sms",
    "config": '{"sender": "Shop", "api_key": "***", "api_secret": "***"}',
    "created_at": _TIMESTAMP,
    "is_active": True,
    "priority": 100,
    "provider": "vonage",
    "tenant_id": "tnt_xyz789",
    "updated_at": _TIMESTAMP,
}


_ENTRY: Json = {"reason": "opted_out", "scope": "list:weekly-news", "source": "api", "since": _TIMESTAMP}
_CONSENT: Json = {
    "channel": "email",
    "recipient": "w***@example.com",
    "category": "marketing",
    "in_force": True,
    "given_at": _TIMESTAMP,
    "way": "web-form",
    "text_version": "2026-01",
}
_SUPPRESSION: Json = {"channel": "email", "recipient": "w***@example.com", "entries": [_ENTRY]}


def _list_response(message: str, item: Json) -> Json:
    return {"code": 200, "items": [item], "message": message, "pagination": _PAGE, "timestamp": _TIMESTAMP, "total": 1}


def _control_response(message: str, state: str, may_still_be_sent: int) -> Json:
    return {**_OK, "message": message, "request_id": REQUEST, "state": state, "may_still_be_sent": may_still_be_sent}


RESPONSES: dict[str, Json | str] = {
    "send_bulk": _list_response("accepted", _ITEM),
    "list_logs": _list_response("ok", _SENT),
    "search_logs": _list_response("ok", _SENT),
    "read_log": {**_SENT, **_OK},
    "channel_health": {
        "data": {"channel": "sms", "status": "degraded", "provider": "aliyun, tencent", "message": "aliyun: HTTP 503"},
        **_OK,
    },
    "list_requests": _list_response("ok", _SUMMARY),
    "read_request": {**_SUMMARY, **_COUNTS, **_OK},
    "read_rate_limits": _RATE_LIMITS,
    "read_rate_limits_as_admin": _RATE_LIMITS,
    "list_providers": _list_response("ok", _PROVIDER),
    "read_provider": {**_OK, "data": _PROVIDER},
    "create_provider": {**_OK, "code": 201, "data": _PROVIDER},
    "update_provider": {**_OK, "data": _PROVIDER},
    "delete_provider": {"code": 200, "message": "ok"},
    "receive_callback": _CALLBACK,
    "receive_callback_with_secret": _CALLBACK,
    "list_consents": {**_OK, "items": [_CONSENT]},
    "search_consents": {**_OK, "items": [_CONSENT]},
    "record_consent": {**_OK, "message": RECORDED, "data": _CONSENT},
    "withdraw_consent": {
        **_OK,
        "message": WITHDRAWN,
        "data": {**_CONSENT, "in_force": False, "withdrawn_at": _TIMESTAMP},
    },
    "list_suppressions": {**_OK, "items": [_SUPPRESSION]},
    "search_suppressions": {**_OK, "data": _SUPPRESSION},
    "add_suppression": {
        **_OK,
        "message": IN_EFFECT,
        "data": _SUPPRESSION,
        "added": True,
        "in_effect_from": _TIMESTAMP,
    },
    "remove_suppression": {**_OK, "data": {**_SUPPRESSION, "entries": []}, "removed": 1},
    "import_suppressions": {
        **_OK,
        "message": IN_EFFECT,
        "added": 1,
        "unchanged": 0,
        "failed": 1,
        "problems": [{"line": 2, "problem": "recipient: the address has no digit"}],
        "in_effect_from": _TIMESTAMP,
    },
    "export_suppressions": '{"channel":"email","recipient":"w***@example.com","reason":"opted_out",'
    f'"scope":"list:weekly-news","source":"api","since":"{_TIMESTAMP}"}}\n',
    "export_user_data": {**_OK, "data": {"tokens": [], "logs": [_SENT], "suppressions": [], "consents": []}},
    "erase_user_data": {
        "code": 200,
        "message": BEGUN,
        "person": "erased:usq83vEjRWeJCrze8SNFZ4k",
        "accepted_before": _TIMESTAMP,
        "remains": [each.model_dump() for each in REMAINS],
    },
    "cancel_scheduled": _control_response("cancelled", "cancelled", 0),
    "cancel": _control_response("cancelled, at most 100 deliveries that had begun may still be sent", "cancelled", 100),
    "pause": _control_response("paused, at most 100 deliveries that had begun may still be sent", "paused", 100),
    "resume": _control_response("sending", "sending", 0),
}
"""Example of the success of each operation."""

ERRORS: dict[str, Json] = {
    status: {"code": int(status), "message": message, "timestamp": _TIMESTAMP}
    for status, message in {
        "400": "recipients[17].to: is required",
        "401": "the token has expired",
        "403": "the token lacks the scope communication:send",
        "404": NO_REQUEST,
        "408": too_slow_message(ArrivalBounds(ProducerSettings.model_fields["min_body_bytes_per_second"].default)),
        "409": DIFFERENT_REQUEST,
        "413": too_large_message(ProducerSettings.model_fields["max_body_bytes"].default),
        "415": "Content-Type must be application/json",
        "429": too_many_calls_message("token", ProducerSettings.model_fields["http_token_calls_per_second"].default),
        "431": PHRASES[431],
        "500": "internal server error",
        "503": "Kafka is not available. Nothing was sent.",
    }.items()
}
"""Example of the error of each status, with the message of the service."""
