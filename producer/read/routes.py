"""GET and search routes: deliveries and requests, read from the ledger. Callers see only what they may see."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from core.ids import LogId, request_key
from ledger.ports import Ledger
from ledger.queries import LogPage, LogQuery, RequestQuery, position_of_log, position_of_request
from ledger.recipient_hashes import recipient_hashes
from ledger.request_counts import count_request, known_recipients
from producer.auth.token_verifier import READ, Principal
from producer.dependencies import Dependencies
from producer.errors import BadRequestError, NotFoundError
from producer.http.body_errors import parse_body
from producer.http.query_names import unknown_parameter
from producer.read.log_items import log_items, whole_item
from producer.read.pagination import PageRequest, parse_page_request
from producer.read.request_summaries import request_response, request_summary
from producer.read.search_filters import log_query, read_own_request, visible_user
from producer.responses import json_response
from schemas.http_responses import (
    CommunicationLogListResponse,
    LogResponse,
    RequestListResponse,
    RequestResponse,
    SimpleResponse,
)
from schemas.query_parameters import LogFilters, LogSearch, Paging

NO_LOG = "delivery not found"
MAX_SEARCH_BYTES = 16 * 1024
"""Maximum size of the body of a search in bytes. The longest conditions need half of it, with every letter escaped."""

Responses = dict[int | str, dict[str, Any]]
Authorize = Callable[[Request], Coroutine[Any, Any, Principal]]


def _errors(*statuses: int) -> Responses:
    return {status: {"model": SimpleResponse} for status in statuses}


_ERRORS = _errors(400, 401, 403, 429, 500, 503)
_NOT_FOUND = _errors(404)
_BODY_ERRORS = _errors(408, 413, 415)


def reading_routes(deps: Dependencies) -> APIRouter:
    """Return the routes, bound to the parts of the service."""
    router = APIRouter()
    _add_log_routes(router, deps)
    _add_request_routes(router, deps)
    return router


def _add_log_routes(router: APIRouter, deps: Dependencies) -> None:
    @router.get("/communication/logs", response_model=CommunicationLogListResponse, responses=_ERRORS)
    async def list_logs(
        principal: Annotated[Principal, Depends(_reader(deps, LogFilters))], query: Annotated[LogFilters, Query()]
    ) -> Response:
        """List deliveries, newest requests first. Pending deliveries are included."""
        page = parse_page_request(query.page, query.page_size, query.after)
        return await _list_response(deps, log_query(principal, query, page), page)

    @router.post(
        "/communication/logs/search",
        response_model=CommunicationLogListResponse,
        responses={**_ERRORS, **_BODY_ERRORS},
    )
    async def search_logs(request: Request, principal: Annotated[Principal, Depends(_reader(deps))]) -> Response:
        """Search deliveries with the same filters and by recipient. The body keeps addresses out of URLs."""
        async with deps.body_reader.read(request, principal.tenant_id, MAX_SEARCH_BYTES) as body:
            search = parse_body(LogSearch, bytes(body))
        page = parse_page_request(search.page, search.page_size, search.after)
        hashes: frozenset[bytes] = frozenset()
        if search.recipient is not None:
            region = deps.settings.default_region
            hashes = recipient_hashes(search.recipient, search.channel, deps.sealer, region)
        return await _list_response(deps, log_query(principal, search, page, hashes), page)

    @router.get("/communication/logs/{log_id}", response_model=LogResponse, responses={**_ERRORS, **_NOT_FOUND})
    async def read_log(log_id: str, principal: Annotated[Principal, Depends(_reader(deps))]) -> Response:
        """Return one delivery."""
        with deps.read_places.share(principal.tenant_id) as place:
            await place.take(1)
            return json_response(await deps.gateway.query(lambda ledger: _read_log(deps, ledger, principal, log_id)))


def _add_request_routes(router: APIRouter, deps: Dependencies) -> None:
    @router.get("/communication/requests", response_model=RequestListResponse, responses=_ERRORS)
    async def list_requests(
        principal: Annotated[Principal, Depends(_reader(deps, Paging))], query: Annotated[Paging, Query()]
    ) -> Response:
        """List requests, newest first."""
        page = parse_page_request(query.page, query.page_size, query.after)
        requests = RequestQuery(
            principal.tenant_id, visible_user(principal), page.after, page.number, page.size, count_limit=page.count_to
        )
        return json_response(await deps.gateway.query(lambda ledger: _read_requests(deps, ledger, page, requests)))

    @router.get(
        "/communication/requests/{request_id}", response_model=RequestResponse, responses={**_ERRORS, **_NOT_FOUND}
    )
    async def read_request(request_id: str, principal: Annotated[Principal, Depends(_reader(deps))]) -> Response:
        """Return one request with the number of its recipients by status."""
        return json_response(
            await deps.gateway.query(lambda ledger: _read_request(deps, ledger, principal, request_id))
        )


def _reader(deps: Dependencies, query: type[BaseModel] | None = None) -> Authorize:
    """Return a dependency that authenticates the caller and refuses parameters that the route does not have."""
    names = {field.alias or name for name, field in (query.model_fields if query else {}).items()}

    async def reader(request: Request) -> Principal:
        principal = await deps.gate.admit(request.headers, READ)
        for name in request.query_params:
            if name == "recipient":
                raise BadRequestError("recipient: must not be in a URL. Use POST /communication/logs/search.")
            if name not in names:
                raise unknown_parameter(names)
            if name != "status" and len(request.query_params.getlist(name)) > 1:
                raise BadRequestError(f"{name}: is given twice")
        return principal

    return reader


async def _list_response(deps: Dependencies, query: LogQuery, page: PageRequest) -> Response:
    with deps.read_places.share(query.tenant_id) as place:
        await place.take(1)
        return json_response(await deps.gateway.query(lambda ledger: _read_logs(deps, ledger, query, page)))


async def _read_logs(
    deps: Dependencies, ledger: Ledger, query: LogQuery, page: PageRequest
) -> CommunicationLogListResponse:
    logs = await ledger.logs.find(query)
    last = position_of_log(logs.items[-1]) if logs.items else None
    total, exact = await _total(ledger, query, logs)
    info = page.info(total, last, more=logs.has_more, exact=exact)
    items = await log_items(logs.items, ledger, deps.sealer, deps.turn_budget)
    now = deps.clock.now()
    return CommunicationLogListResponse(
        code=200, items=items, message="ok", pagination=info, timestamp=now, total=info.total
    )


async def _total(ledger: Ledger, query: LogQuery, logs: LogPage) -> tuple[int, bool]:
    """Return the number of deliveries, and whether it is exact.

    A whole request knows its number of recipients, however large it is.
    """
    whole_request = LogQuery(
        query.tenant_id, query.user_id, query.key, page_size=query.page_size, count_limit=query.count_limit
    )
    if query.key is None or logs.total_is_exact or replace(query, page=1) != whole_request:
        return logs.total, logs.total_is_exact
    request = await ledger.requests.get(query.key)
    return (known_recipients(request), True) if request else (logs.total, False)


async def _read_log(deps: Dependencies, ledger: Ledger, principal: Principal, log_id: str) -> LogResponse:
    log = await ledger.logs.get(principal.tenant_id, LogId(log_id), visible_user(principal))
    if log is None:
        raise NotFoundError(NO_LOG)
    item = await whole_item(log, ledger, deps.sealer, deps.turn_budget)
    return LogResponse(**item.model_dump(), code=200, message="ok", timestamp=deps.clock.now())


async def _read_requests(
    deps: Dependencies, ledger: Ledger, page: PageRequest, query: RequestQuery
) -> RequestListResponse:
    requests = await ledger.requests.find_page(query)
    last = position_of_request(requests.items[-1]) if requests.items else None
    info = page.info(requests.total, last, more=requests.has_more, exact=requests.total_is_exact)
    items = [request_summary(request, ledger.now()) for request in requests.items]
    now = deps.clock.now()
    return RequestListResponse(code=200, items=items, message="ok", pagination=info, timestamp=now, total=info.total)


async def _read_request(deps: Dependencies, ledger: Ledger, principal: Principal, request_id: str) -> RequestResponse:
    request = await read_own_request(ledger, principal, request_key(principal.tenant_id, request_id))
    return request_response(request, await count_request(ledger, request), ledger.now(), deps.clock.now())
