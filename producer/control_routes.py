"""Orders about a request that was accepted: cancel, pause, resume. Everybody gives them about their own."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from core.ids import RequestKey, request_key
from ledger.ports import Ledger
from ledger.request_control import ControlResult, cancel_request, pause_request, resume_request, state_of
from producer.auth.token_verifier import SEND, Principal
from producer.dependencies import Dependencies
from producer.errors import BadRequestError, ConflictError
from producer.read.search_filters import read_own_request
from producer.responses import JSON
from schemas.http_responses import ControlResponse, SimpleResponse
from schemas.validation_errors import LONGEST_NAME

Order = Callable[[Ledger, RequestKey], Awaitable[ControlResult | None]]

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": SimpleResponse} for status in (400, 401, 403, 404, 409, 500, 503)
}


def control_routes(deps: Dependencies) -> APIRouter:
    """The routes, bound to what they work with."""
    router = APIRouter()

    async def sender(request: Request) -> Principal:
        caller = await deps.doorkeeper.authenticate(request.headers)
        caller.require(SEND)
        for name in request.query_params:
            raise BadRequestError(f"{name[:LONGEST_NAME]}: is not a parameter of this")
        return caller

    orderer = Annotated[Principal, Depends(sender)]

    @router.delete("/communication/scheduled/{request_id}", response_model=ControlResponse, responses=_ERRORS)
    async def cancel_scheduled(request_id: str, caller: orderer) -> Response:
        """Cancel a request whose `send_at` has not come."""
        return await _obeyed(deps, caller, request_id, partial(cancel_request, scheduled_only=True))

    @router.post("/communication/requests/{request_id}/cancel", response_model=ControlResponse, responses=_ERRORS)
    async def cancel(request_id: str, caller: orderer) -> Response:
        """Send nothing more of a request. Given again, it is answered again; it cannot be taken back."""
        return await _obeyed(deps, caller, request_id, cancel_request)

    @router.post("/communication/requests/{request_id}/pause", response_model=ControlResponse, responses=_ERRORS)
    async def pause(request_id: str, caller: orderer) -> Response:
        """Send nothing more of a request until it is resumed."""
        return await _obeyed(deps, caller, request_id, pause_request)

    @router.post("/communication/requests/{request_id}/resume", response_model=ControlResponse, responses=_ERRORS)
    async def resume(request_id: str, caller: orderer) -> Response:
        """Go on with a request that was paused."""
        return await _obeyed(deps, caller, request_id, resume_request)

    return router


async def _obeyed(deps: Dependencies, caller: Principal, request_id: str, order: Order) -> Response:
    """Give the order; raises NotFoundError, ConflictError, and UnavailableError: then it is to be given again."""
    answer = await deps.archive.query(lambda ledger: _give(deps, ledger, caller, request_id, order))
    return Response(answer.json_bytes(), 200, media_type=JSON)


async def _give(
    deps: Dependencies, ledger: Ledger, caller: Principal, request_id: str, order: Order
) -> ControlResponse:
    key = request_key(caller.tenant_id, request_id)
    await read_own_request(ledger, caller, key)
    ordered = await order(ledger, key)
    if ordered is None:
        state = state_of(await read_own_request(ledger, caller, key), ledger.now())
        raise ConflictError(f"too late: the request is {state.value}: {state.meaning}")
    state = state_of(ordered.request, ledger.now())
    return ControlResponse(
        code=200,
        message="; ".join(filter(None, (state.value, ordered.in_flight_note))),
        timestamp=deps.sources.now(),
        request_id=ordered.request.header.request_id,
        state=state,
        may_still_be_sent=ordered.may_still_be_sent,
    )
