"""Bodies that every route may answer with: errors as the contract has them."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from starlette.responses import Response

from producer.errors import ApiError
from schemas.http_responses import SimpleResponse

JSON = "application/json"


def simple_response(
    status: int, now: datetime, message: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """`dto.SimpleResponse` with this status; without a message, the status's own phrase."""
    body = SimpleResponse(code=status, message=message or _phrase(status), timestamp=now)
    return Response(body.json_bytes(), status, headers, JSON)


def error_response(refusal: ApiError, now: datetime) -> Response:
    """The answer to what is not done."""
    return simple_response(refusal.status, now, refusal.message, refusal.headers)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.lower()
    except ValueError:
        return "error"
