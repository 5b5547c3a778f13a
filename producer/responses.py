"""HTTP responses that all routes share: JSON bodies and errors in the shape of the contract."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from starlette.responses import Response

from producer.errors import ApiError
from schemas.http_responses import ResponseBody, SimpleResponse

JSON, NDJSON = "application/json", "application/x-ndjson"


def json_response(body: ResponseBody, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """Return a response with this body."""
    return Response(body.json_bytes(), status, headers, JSON)


def simple_response(
    status: int, now: datetime, message: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `dto.SimpleResponse` with this status. Without a message it holds the phrase of the status."""
    body = SimpleResponse(code=status, message=message or _phrase(status), timestamp=now)
    return Response(body.json_bytes(), status, headers, JSON)


def error_response(error: ApiError, now: datetime) -> Response:
    """Return the response to a call that failed with `error`."""
    return simple_response(error.status, now, error.message, error.headers)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.lower()
    except ValueError:
        return "error"
