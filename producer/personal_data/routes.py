"""Routes for the rights of a person. They need a scope of their own, which no other scope includes."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from ledger.erasure_orders import Person, order_erasure
from ledger.personal_data_port import Pseudonym
from producer.auth.token_verifier import INTERNAL, Principal
from producer.caller import caller_with
from producer.dependencies import Dependencies
from producer.personal_data.access import audited, read_person
from producer.personal_data.export import Export, export_places
from producer.personal_data.remains import REMAINS
from producer.responses import NDJSON, json_response
from producer.suppressions.access import query
from schemas.http_responses import SimpleResponse
from schemas.personal_data import (
    EraseUserDataRequest,
    EraseUserDataResponse,
    ExportUserDataDetailResponse,
    ExportUserDataRequest,
)

PATH = "/internal/communication"
BEGUN = (
    "the erasure has begun. A message whose window is open may still be sent once. The audit log says when it is done."
)
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": SimpleResponse} for status in (400, 401, 403, 408, 413, 415, 429, 500, 503)
}
_LINES = {
    "description": "one document, or one item a line with `Accept: application/x-ndjson`",
    "content": {
        NDJSON: {"schema": {"type": "string"}, "example": '{"type":"end","logs":0,"suppressions":0,"consents":0}\n'}
    },
}


def personal_data_routes(deps: Dependencies) -> APIRouter:
    """Return the routes, bound to the parts of the service."""
    router, places = APIRouter(), export_places()
    officer = Annotated[Principal, Depends(caller_with(deps, INTERNAL))]

    @router.post(
        f"{PATH}/export-user-data",
        response_model=ExportUserDataDetailResponse,
        responses={**_ERRORS, 200: _LINES},
    )
    async def export_user_data(request: Request, principal: officer) -> Response:
        """Return all that is stored about a user or a recipient. It is streamed, however much it is."""
        person = await read_person(request, principal, ExportUserDataRequest, deps)
        return Export(deps, principal, person, audited(principal, deps), places)

    @router.post(f"{PATH}/erase-user-data", response_model=EraseUserDataResponse, responses=_ERRORS)
    async def erase_user_data(request: Request, principal: officer) -> Response:
        """Erase the data about a user or a recipient. The order is stored, and the consumers carry it out."""
        person = await read_person(request, principal, EraseUserDataRequest, deps)
        return json_response(await _order(deps, principal, person))

    return router


async def _order(deps: Dependencies, principal: Principal, person: Person) -> EraseUserDataResponse:
    call = audited(principal, deps)
    order = await query(deps, partial(order_erasure, sealer=deps.sealer, person=person, call=call))
    return EraseUserDataResponse(
        code=200,
        message=BEGUN,
        person=Pseudonym.of(order.id).text,
        accepted_before=order.before,
        remains=REMAINS,
    )
