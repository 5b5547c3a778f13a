"""A call of `POST /communication/bulk` without its body."""

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from core.ids import RequestKey, request_key
from producer.auth.token_verifier import Principal
from producer.bulk.accepted_response import ResponsePage
from producer.bulk.prefer_header import MAX_PREFER_LENGTH, parse_wait_seconds, prefers_lenient
from producer.errors import BadRequestError, LongHeaderError
from schemas.requests import RequestId

_REQUEST_ID = TypeAdapter[str](RequestId)


@dataclass(frozen=True, slots=True)
class BulkCall:
    """The facts about a call that are known before its body is read."""

    principal: Principal
    request_id: str
    has_idempotency_key: bool
    """True if the request's id is the caller's own `Idempotency-Key`."""
    page: ResponsePage
    wait_seconds: int | None
    """Time in seconds for which the caller would wait for the completion. None if it does not wait."""
    is_lenient: bool = False
    """True if a recipient that lacks a variable fails alone, instead of the call."""

    @property
    def key(self) -> RequestKey:
        """Return the key under which the ledger stores the request."""
        return request_key(self.principal.tenant_id, self.request_id)


def read_call(request: Request, principal: Principal, page: ResponsePage) -> BulkCall:
    """Read the call from its headers. Raises BadRequestError.

    The request's id is the caller's `Idempotency-Key`, or else the UUIDv7 that this HTTP request was given.
    """
    keys = request.headers.getlist("idempotency-key")
    if keys:
        try:
            request.state.request_id = _REQUEST_ID.validate_python(keys[0] if len(keys) == 1 else None)
        except ValidationError:
            raise BadRequestError(
                "Idempotency-Key: must have 1 to 128 letters, digits or ._:@~+=- and begin with a letter or digit"
            ) from None
    preferences = request.headers.getlist("prefer")
    if sum(map(len, preferences)) > MAX_PREFER_LENGTH:
        raise LongHeaderError("Prefer", MAX_PREFER_LENGTH)
    return BulkCall(
        principal,
        request.state.request_id,
        bool(keys),
        page,
        parse_wait_seconds(preferences),
        prefers_lenient(preferences),
    )
