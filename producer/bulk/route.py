"""`POST /communication/bulk`: check, split, publish, answer."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from ledger.models import StoredTemplate
from producer.auth.token_verifier import SEND, Caller
from producer.bulk.accepted_response import Page, first_answer
from producer.bulk.call import Call, read_call
from producer.bulk.check_content import find_template
from producer.bulk.idempotency import Past, recall, take_key
from producer.bulk.prepare_request import Desk, Order, Terms
from producer.bulk.publish import before_handover, hand_over
from producer.bulk.route_description import PARAMETERS, RESPONSES
from producer.bulk.wait_response import answer_later
from producer.dependencies import Front
from producer.responses import JSON
from schemas.http_responses import CommunicationLogListResponse

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_PAGE = 1_000_000


def bulk_routes(front: Front) -> APIRouter:
    """The route, bound to what it works with."""
    router = APIRouter()
    desk = Desk(front.settings)

    async def sender(request: Request) -> Caller:
        caller = await front.doorkeeper.admit(request.headers)
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
        caller: Annotated[Caller, Depends(sender)],
        page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1,
        page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE,
    ) -> Response:
        """Accept a request for many recipients; 200 once Kafka has all of it."""
        call = read_call(request, caller, Page(page, page_size))
        answer = await accept(front, desk, request, call)
        headers = {"Location": f"/communication/requests/{call.request_id}"}
        if call.wait is not None and (later := await answer_later(front, call, answer, request.is_disconnected)):
            answer, headers["Preference-Applied"] = later, f"wait={call.wait}"
        return Response(answer.json_bytes(), 200, headers, JSON)

    return router


async def accept(front: Front, desk: Desk, request: Request, call: Call) -> CommunicationLogListResponse:
    """Publish what the body asks for, once; raises RefusalError. The body is let go of."""
    async with front.bodies.taken(request) as raw:
        with before_handover():
            past = await look_back(front, call)
            order = await take_order(front, desk, raw, call, past)
            stands = await settle(front, call, order, past)
            if stands.decides_otherwise(order):
                order = await take_order(front, desk, raw, call, stands)
        raw.clear()
        if not stands.expanded:
            await hand_over(front, order)
    return first_answer(order, call.page, front.settings.default_region)


async def look_back(front: Front, call: Call) -> Past:
    """What is known of earlier calls; nothing without a key."""
    return await recall(front.archive, call.key) if call.keyed else Past()


async def take_order(front: Front, desk: Desk, raw: bytearray, call: Call, past: Past) -> Order:
    """Check the body and split it, as it was decided in the past, if it was."""

    async def template_of(code: str) -> StoredTemplate:
        return await find_template(front.archive, call.caller.tenant_id, code, past.template_version)

    now = front.sources.now()
    accepted_at = past.accepted_at or now.replace(microsecond=now.microsecond // 1000 * 1000)  # as the ledger keeps it
    terms = Terms(call.caller, call.request_id, accepted_at, template_of, keyed=call.keyed)
    return await front.bodies.work(raw, partial(desk.take, raw, terms, call.page.slice))


async def settle(front: Front, call: Call, order: Order, past: Past) -> Past:
    """Take the key; what is decided from now on. Nothing without a key."""
    return await take_key(front.archive, front.sealer, call.key, order, past) if call.keyed else past
