"""Parts of the OpenAPI document that the framework does not derive from the routes of callbacks."""

from typing import Any

from schemas.http_responses import SimpleResponse

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": SimpleResponse} for status in (400, 401, 403, 413, 415, 500, 503)
}

_GENERIC = {
    "generic": {
        "summary": "The generic format of the kinds simulator and http",
        "value": {
            "receipts": [
                {
                    "delivery_id": "log_38bwp7hh1q0jf1my2cmqs46haw000000000",
                    "status": "delivered",
                    "code": "DELIVRD",
                    "occurred_at": "2026-04-15T10:01:07Z",
                    "recipient": "+8613800138000",
                }
            ]
        },
    }
}
_FORM = {
    "twilio": {
        "summary": "A vendor that sends a form",
        "value": {"MessageSid": "SM00000000000000000000000000000000", "MessageStatus": "delivered"},
    }
}
_BODY = {
    "description": "The body as the provider sends it, of any media type. docs/receipts.md has the generic format.",
    "required": False,
    "content": {
        "application/json": {"schema": {"type": "object"}, "examples": _GENERIC},
        "application/x-www-form-urlencoded": {"schema": {"type": "object"}, "examples": _FORM},
    },
}
EXTRA: dict[str, Any] = {"requestBody": _BODY}
