"""`POST /communication/bulk`: check, split, publish, answer."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import TypeAdapter, ValidationError

from core.intake import intake_topic
from ledger.sealing import Sealer
from producer.answers import JSON
from producer.archive import Archive
from producer.auth import SEND, Caller, Doorkeeper
from producer.bodies import Bodies
from producer.clock import Sources
from producer.errors import BadRequestError, UnavailableError
from producer.metrics import Metrics
from producer.order import Desk, Order
from producer.pages import Page, first_answer
from producer.publisher import Publisher, PublishError
from producer.settings import ProducerSettings
from schemas.http import CommunicationLogListResponse, SimpleResponse
from schemas.requests import RequestId

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_PAGE = 1_000_000
_REQUEST_ID = TypeAdapter[str](RequestId)
_ERRORS = (400, 401, 403, 404, 408, 413, 415, 500, 503)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Front:
    """What the route works with."""

    settings: ProducerSettings
    publisher: Publisher
    archive: Archive
    sealer: Sealer
    doorkeeper: Doorkeeper
    bodies: Bodies
    metrics: Metrics
    sources: Sources


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
        responses={status: {"model": SimpleResponse} for status in _ERRORS},
    )
    async def send_bulk(
        request: Request,
        caller: Annotated[Caller, Depends(sender)],
        page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1,
        page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE,
    ) -> Response:
        """Accept a request for many recipients; 200 once Kafka has all of it."""
        request_id = take_request_id(request)
        asked = Page(page, page_size)
        async with front.bodies.taken(request) as body:
            order = await front.bodies.work(
                body,
                partial(desk.take, body, caller, request_id=request_id, now=front.sources.now(), show=asked.slice),
            )
            await hand_over(front, order)
        answer = first_answer(order, asked, front.settings.default_region)
        location = {"Location": f"/communication/requests/{request_id}"}
        return Response(answer.json_bytes(), 200, location, JSON)

    return router


def take_request_id(request: Request) -> str:
    """The request's id: the caller's `Idempotency-Key`, else the UUIDv7 that this HTTP request was given.

    A key is not remembered here: it becomes the request id, under which the consumer's ledger refuses another body and
    does nothing twice. So the same key with the same body is answered 200 again, and so is, wrongly, the same key with
    another body: that one ends as `request.rejected`.
    """
    keys = request.headers.getlist("idempotency-key")
    if keys:
        try:
            request.state.request_id = _REQUEST_ID.validate_python(keys[0] if len(keys) == 1 else None)
        except ValidationError:
            raise BadRequestError(
                "Idempotency-Key: is up to 128 letters, digits and ._:@~+=-, and begins with a letter or digit"
            ) from None
    request_id: str = request.state.request_id
    return request_id


async def hand_over(front: Front, order: Order) -> None:
    """Publish all parts; raises UnavailableError, which says whether some may still be sent."""
    try:
        await front.publisher.publish(intake_topic(front.settings.topics, order.lane), order.parts)
    except PublishError as error:
        if error.handed_over:
            raise UnavailableError(
                "Kafka did not acknowledge in time; the request may still be sent. "
                f"Repeat it with `Idempotency-Key: {order.request_id}` so that nobody is sent to twice"
            ) from None
        raise UnavailableError("Kafka is away; nothing was sent") from None
    front.metrics.recipients.labels(order.head.channel, order.lane).inc(order.total)
    _log.info(
        "accepted",
        request_id=order.request_id,
        tenant_id=order.tenant_id,
        channel=order.head.channel,
        lane=order.lane,
        recipients=order.total,
        parts=len(order.parts),
    )
