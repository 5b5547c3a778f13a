"""Routes that cancel, pause and resume a request. Callers control their own requests only."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from core.ids import RequestKey, request_key
from ledger.ports import Ledger
from ledger.request_control import ControlResult, cancel_request, pause_request, resume_request, state_of
from producer.auth.token_verifier import SEND, Principal
from producer.caller import caller_with
from producer.dependencies import Dependencies
from producer.errors import ConflictError
from producer.read.search_filters import read_own_request
from producer.responses import json_response
from schemas.http_responses import ControlResponse, SimpleResponse

ControlFunction = Callable[[Ledger, RequestKey], Awaitable[ControlResult | None]]

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": SimpleResponse} for status in (400, 401, 403, 404, 409, 429, 500, 503)
}


def control_routes(deps: Dependencies) -> APIRouter:
    """Return the routes, bound to the parts of the service."""
    router = APIRouter()
    sender = Annotated[Principal, Depends(caller_with(deps, SEND))]

    @router.delete("/communication/scheduled/{request_id}", response_model=ControlResponse, responses=_ERRORS)
    async def cancel_scheduled(request_id: str, principal: sender) -> Response:
        """Cancel a request before its `send_at`."""
        return await _apply_control(deps, principal, request_id, partial(cancel_request, scheduled_only=True))

    @router.post("/communication/requests/{request_id}/cancel", response_model=ControlResponse, responses=_ERRORS)
    async def cancel(request_id: str, principal: sender) -> Response:
        """Cancel a request: nothing more of it is sent. A repeat is harmless. A cancel cannot be undone."""
        return await _apply_control(deps, principal, request_id, cancel_request)

    @router.post("/communication/requests/{request_id}/pause", response_model=ControlResponse, responses=_ERRORS)
    async def pause(request_id: str, principal: sender) -> Response:
        """Pause a request: nothing more of it is sent until it is resumed."""
        return await _apply_control(deps, principal, request_id, pause_request)

    @router.post("/communication/requests/{request_id}/resume", response_model=ControlResponse, responses=_ERRORS)
    async def resume(request_id: str, principal: sender) -> Response:
        """Resume a paused request."""
        return await _apply_control(deps, principal, request_id, resume_request)

    return router


async def _apply_control(
    deps: Dependencies, principal: Principal, request_id: str, control: ControlFunction
) -> Response:
    """Apply the control and return the response.

    Raises NotFoundError, ConflictError and UnavailableError. After UnavailableError the caller must repeat the call.
    """
    return json_response(
        await deps.gateway.query(lambda ledger: _control(deps, ledger, principal, request_id, control))
    )


async def _control(
    deps: Dependencies, ledger: Ledger, principal: Principal, request_id: str, control: ControlFunction
) -> ControlResponse:
    key = request_key(principal.tenant_id, request_id)
    await read_own_request(ledger, principal, key)
    result = await control(ledger, key)
    if result is None:
        state = state_of(await read_own_request(ledger, principal, key), ledger.now())
        raise ConflictError(f"too late: the request is {state.value}: {state.meaning}")
    state = state_of(result.request, ledger.now())
    return ControlResponse(
        code=200,
        message=", ".join(filter(None, (state.value, result.in_flight_note))),
        timestamp=deps.clock.now(),
        request_id=result.request.header.request_id,
        state=state,
        may_still_be_sent=result.may_still_be_sent,
    )
