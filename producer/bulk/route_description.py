"""Description of `POST /communication/bulk` for the OpenAPI document, beyond the signature of the route."""

from typing import Any

from pydantic import TypeAdapter

from producer.bulk.prefer_header import MAX_WAIT_SECONDS
from schemas.http_responses import SimpleResponse
from schemas.requests import RequestId

Json = dict[str, Any]

_ERRORS = (400, 401, 403, 404, 408, 409, 413, 415, 429, 500, 503)
_REQUEST_ID = TypeAdapter[str](RequestId).json_schema()

PARAMETERS: Json = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The request's id. A repeat with the same key and body is the same request and gets the "
            "same answer. Another body under the same key gets 409.",
            "schema": {**_REQUEST_ID, "example": "order-17"},
        },
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "description": f"`wait=N` (RFC 7240) waits up to N seconds for the completion, at most {MAX_WAIT_SECONDS}. "
            "The answer has the statuses reached by then. With `handling=lenient` a recipient that lacks a variable of "
            "the text fails alone, with the reason `missing_variable`. Without it, the answer is 400. Several "
            "preferences are separated by commas. Others are ignored. A repeat must have the same `handling`.",
            "schema": {"type": "string", "example": "wait=1"},
        },
    ]
}
"""The headers of a call."""

_HEADERS: Json = {
    "Location": {"description": "URL of the request, to follow its progress.", "schema": {"type": "string"}},
    "Preference-Applied": {
        "description": "The preferences that were applied: `handling=lenient`, and `wait=N` if the answer waited.",
        "schema": {"type": "string"},
    },
}

RESPONSES: dict[int | str, Json] = {
    200: {"headers": _HEADERS},
    **{status: {"model": SimpleResponse} for status in _ERRORS},
}
"""The responses by status."""
