"""`POST /communication/bulk`: check, split, publish and answer."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from ledger.stored_template import StoredTemplate
from producer.auth.token_verifier import SEND, Principal
from producer.bulk.accepted_response import ResponsePage, accepted_response, show_texts
from producer.bulk.call import BulkCall, read_call
from producer.bulk.check_content import find_template
from producer.bulk.idempotency import PreviousAttempt, load_previous_attempt, reserve_key
from producer.bulk.prepare_request import AcceptanceContext, PreparedRequest, RequestPreparer
from producer.bulk.publish import note_that_nothing_was_sent, publish_request
from producer.bulk.route_description import PARAMETERS, RESPONSES
from producer.bulk.wait_response import response_after_wait
from producer.dependencies import Dependencies
from producer.responses import json_response
from schemas.http_responses import CommunicationLogListResponse
from schemas.statuses import Channel
from schemas.tenant_settings import MarketingPolicy

PATH = "/communication/bulk"
PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_PAGE = 1_000_000


class BulkEndpoint:
    """Answers calls, bound to the parts of the service."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._preparer = RequestPreparer(deps.settings, budget=deps.turn_budget)

    async def sender(self, request: Request) -> Principal:
        """Return the caller, who may send. Raises ApiError."""
        return await self._deps.gate.admit(request.headers, SEND)

    async def respond(self, request: Request, principal: Principal, page: ResponsePage) -> Response:
        """Accept a request for many recipients. Raises ApiError."""
        call = read_call(request, principal, page)
        body = await accept_request(self._deps, self._preparer, request, call)
        headers = {"Location": f"/communication/requests/{call.request_id}"}
        applied = ["handling=lenient"] if call.is_lenient else []
        if call.wait_seconds is not None and (
            updated := await response_after_wait(self._deps, call, body, request.is_disconnected)
        ):
            body = updated
            applied.append(f"wait={call.wait_seconds}")
        return json_response(body, {**headers, "Preference-Applied": ", ".join(applied)} if applied else headers)


def bulk_routes(endpoint: BulkEndpoint) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.post(PATH, response_model=CommunicationLogListResponse, responses=RESPONSES, openapi_extra=PARAMETERS)
    async def send_bulk(
        request: Request,
        principal: Annotated[Principal, Depends(endpoint.sender)],
        page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1,
        page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE,
    ) -> Response:
        """Accept a request for many recipients. The answer is 200 once Kafka has acknowledged all of it."""
        return await endpoint.respond(request, principal, ResponsePage(page, page_size))

    return router


class RouteWithoutQuery(BaseRoute):
    """Route of the calls without a query. What FastAPI does for each call takes a fifth of the time of a small one."""

    path = PATH

    def __init__(self, endpoint: BulkEndpoint) -> None:
        self._endpoint = endpoint

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether it is such a call. All others go on to the route of FastAPI."""
        is_post = scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST"
        return (Match.FULL if is_post and not scope["query_string"] else Match.NONE), {"route": self}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""
        request = Request(scope, receive, send)
        principal = await self._endpoint.sender(request)
        response = await self._endpoint.respond(request, principal, ResponsePage(1, PAGE_SIZE))
        await response(scope, receive, send)


async def accept_request(
    deps: Dependencies, preparer: RequestPreparer, request: Request, call: BulkCall
) -> CommunicationLogListResponse:
    """Publish the request in the body exactly once, and return the answer. Raises ApiError."""
    async with deps.body_reader.read(request, call.principal.tenant_id) as raw:
        with note_that_nothing_was_sent():
            previous = await previous_attempt(deps, call)
            prepared = await prepare_call(deps, preparer, raw, call, previous)
            decided = await decide_attempt(deps, call, prepared, previous)
            if decided.differs_from(prepared):
                prepared = await prepare_call(deps, preparer, raw, call, decided)
        raw.clear()
        if not decided.is_expanded:
            await publish_request(deps, prepared)
        waits = call.wait_seconds is not None
        shown = await show_texts(prepared, deps.long_text_lock, deps.turn_budget, waits=waits)
        return accepted_response(prepared, call.page, deps.settings.default_region, shown)


async def previous_attempt(deps: Dependencies, call: BulkCall) -> PreviousAttempt:
    """Return the state of earlier calls. It is empty without an `Idempotency-Key`."""
    return await load_previous_attempt(deps.gateway, call.key) if call.has_idempotency_key else PreviousAttempt()


async def prepare_call(
    deps: Dependencies, preparer: RequestPreparer, raw: bytearray, call: BulkCall, previous: PreviousAttempt
) -> PreparedRequest:
    """Check the body and split it, with the decisions of the previous attempt if there was one."""

    async def template_of(code: str) -> StoredTemplate:
        return await find_template(deps.gateway, call.principal.tenant_id, code, previous.template_version)

    async def topic_exists(topic: str) -> bool | None:
        # What was accepted once is accepted again, although its topic may have been deleted since.
        return None if previous.accepted_at else await deps.publisher.topic_exists(topic)

    async def has_provider(channel: Channel, name: str) -> bool | None:
        return None if previous.accepted_at else await deps.providers.has(channel, name, call.principal.tenant_id)

    async def find_policy(provider: str | None) -> MarketingPolicy:
        has_links = deps.settings.public_url is not None
        return await deps.providers.marketing_policy(call.principal.tenant_id, provider, has_links=has_links)

    now = deps.clock.now()
    # The ledger stores milliseconds.
    accepted_at = previous.accepted_at or now.replace(microsecond=now.microsecond // 1000 * 1000)
    context = AcceptanceContext(
        call.principal,
        call.request_id,
        accepted_at,
        template_of,
        topic_exists,
        has_provider,
        needs_fingerprint=call.has_idempotency_key,
        is_lenient=call.is_lenient,
        find_policy=None if previous.accepted_at else find_policy,
    )
    return await deps.body_reader.run_bounded(raw, partial(preparer.prepare, raw, context, call.page.slice))


async def decide_attempt(
    deps: Dependencies, call: BulkCall, prepared: PreparedRequest, previous: PreviousAttempt
) -> PreviousAttempt:
    """Reserve the `Idempotency-Key`, if there is one, and return the decisions that are valid from now on."""
    if not call.has_idempotency_key:
        return previous
    return await reserve_key(deps.gateway, deps.sealer, call.key, prepared, previous)
