"""What the OpenAPI document says of `POST /communication/bulk` that its signature does not."""

from typing import Any

from pydantic import TypeAdapter

from producer.bulk.prefer_header import LONGEST_SECONDS
from schemas.http_responses import SimpleResponse
from schemas.requests import RequestId

Json = dict[str, Any]

_ERRORS = (400, 401, 403, 404, 408, 409, 413, 415, 500, 503)
_REQUEST_ID = TypeAdapter[str](RequestId).json_schema()

PARAMETERS: Json = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The request's id. A repeat with the same key and body is the same request and gets the "
            "same answer; another body under it is 409.",
            "schema": {**_REQUEST_ID, "example": "order-17"},
        },
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "description": f"`wait=N` (RFC 7240) waits up to N seconds, {LONGEST_SECONDS} at most, for the completion, "
            "and answers with the statuses reached by then. Other preferences are ignored.",
            "schema": {"type": "string", "example": "wait=1"},
        },
    ]
}
"""The headers that a call may have."""

_HEADERS: Json = {
    "Location": {"description": "Where the request can be followed.", "schema": {"type": "string"}},
    "Preference-Applied": {
        "description": "`wait=N` where the answer waited; absent where it could not.",
        "schema": {"type": "string"},
    },
}

RESPONSES: dict[int | str, Json] = {
    200: {"headers": _HEADERS},
    **{status: {"model": SimpleResponse} for status in _ERRORS},
}
"""The answers."""
