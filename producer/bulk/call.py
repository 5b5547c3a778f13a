"""A call of `POST /communication/bulk` by all but its body."""

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from core.ids import RequestKey, request_key
from producer.auth.token_verifier import Principal
from producer.bulk.accepted_response import Page
from producer.bulk.prefer_header import wait_seconds
from producer.errors import BadRequestError
from schemas.requests import RequestId

_REQUEST_ID = TypeAdapter[str](RequestId)


@dataclass(frozen=True, slots=True)
class BulkCall:
    """What is known of a call before its body is read."""

    caller: Principal
    request_id: str
    keyed: bool
    """The request's id is the caller's own `Idempotency-Key`."""
    page: Page
    wait: int | None
    """How many seconds the caller would wait for the completion."""

    @property
    def key(self) -> RequestKey:
        """Under which the request is stored."""
        return request_key(self.caller.tenant_id, self.request_id)


def read_call(request: Request, caller: Principal, page: Page) -> BulkCall:
    """The call by its headers; raises BadRequestError.

    The request's id is the caller's `Idempotency-Key`, else the UUIDv7 that this HTTP request was given.
    """
    keys = request.headers.getlist("idempotency-key")
    if keys:
        try:
            request.state.request_id = _REQUEST_ID.validate_python(keys[0] if len(keys) == 1 else None)
        except ValidationError:
            raise BadRequestError(
                "Idempotency-Key: is up to 128 letters, digits and ._:@~+=-, and begins with a letter or digit"
            ) from None
    return BulkCall(caller, request.state.request_id, bool(keys), page, wait_seconds(request.headers.getlist("prefer")))
