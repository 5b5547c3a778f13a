"""`POST /communication/bulk`: check, split, publish, answer."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from ledger.models import StoredTemplate
from producer.auth.token_verifier import SEND, Principal
from producer.bulk.accepted_response import Page, accepted_response
from producer.bulk.call import BulkCall, read_call
from producer.bulk.check_content import find_template
from producer.bulk.idempotency import PreviousAttempt, load_previous_attempt, reserve_key
from producer.bulk.prepare_request import AcceptanceTerms, PreparedRequest, RequestPreparer
from producer.bulk.publish import before_handover, hand_over
from producer.bulk.route_description import PARAMETERS, RESPONSES
from producer.bulk.wait_response import response_after_wait
from producer.dependencies import Dependencies
from producer.responses import JSON
from schemas.http_responses import CommunicationLogListResponse

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_PAGE = 1_000_000


def bulk_routes(deps: Dependencies) -> APIRouter:
    """The route, bound to what it works with."""
    router = APIRouter()
    desk = RequestPreparer(deps.settings)

    async def sender(request: Request) -> Principal:
        caller = await deps.doorkeeper.authenticate(request.headers)
        caller.require(SEND)
        return caller

    @router.post(
        "/communication/bulk",
        response_model=CommunicationLogListResponse,
        responses=RESPONSES,
        openapi_extra=PARAMETERS,
    )
    async def send_bulk(
        request: Request,
        caller: Annotated[Principal, Depends(sender)],
        page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1,
        page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE,
    ) -> Response:
        """Accept a request for many recipients; 200 once Kafka has all of it."""
        call = read_call(request, caller, Page(page, page_size))
        answer = await accept(deps, desk, request, call)
        headers = {"Location": f"/communication/requests/{call.request_id}"}
        if call.wait is not None and (later := await response_after_wait(deps, call, answer, request.is_disconnected)):
            answer, headers["Preference-Applied"] = later, f"wait={call.wait}"
        return Response(answer.json_bytes(), 200, headers, JSON)

    return router


async def accept(
    deps: Dependencies, desk: RequestPreparer, request: Request, call: BulkCall
) -> CommunicationLogListResponse:
    """Publish what the body asks for, once; raises RefusalError. The body is let go of."""
    async with deps.bodies.read(request) as raw:
        with before_handover():
            past = await previous_attempt(deps, call)
            order = await prepare_call(deps, desk, raw, call, past)
            stands = await decide_attempt(deps, call, order, past)
            if stands.differs_from(order):
                order = await prepare_call(deps, desk, raw, call, stands)
        raw.clear()
        if not stands.is_expanded:
            await hand_over(deps, order)
    return accepted_response(order, call.page, deps.settings.default_region)


async def previous_attempt(deps: Dependencies, call: BulkCall) -> PreviousAttempt:
    """What is known of earlier calls; nothing without a key."""
    return await load_previous_attempt(deps.archive, call.key) if call.keyed else PreviousAttempt()


async def prepare_call(
    deps: Dependencies, desk: RequestPreparer, raw: bytearray, call: BulkCall, past: PreviousAttempt
) -> PreparedRequest:
    """Check the body and split it, as it was decided in the past, if it was."""

    async def template_of(code: str) -> StoredTemplate:
        return await find_template(deps.archive, call.caller.tenant_id, code, past.template_version)

    now = deps.sources.now()
    accepted_at = past.accepted_at or now.replace(microsecond=now.microsecond // 1000 * 1000)  # as the ledger keeps it
    terms = AcceptanceTerms(call.caller, call.request_id, accepted_at, template_of, keyed=call.keyed)
    return await deps.bodies.run_bounded(raw, partial(desk.prepare, raw, terms, call.page.slice))


async def decide_attempt(
    deps: Dependencies, call: BulkCall, order: PreparedRequest, past: PreviousAttempt
) -> PreviousAttempt:
    """Take the key; what is decided from now on. Nothing without a key."""
    return await reserve_key(deps.archive, deps.sealer, call.key, order, past) if call.keyed else past
