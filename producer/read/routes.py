"""What became of it: deliveries and requests, read from the ledger. Everybody sees what is theirs."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ValidationError

from core.ids import LogId, request_key
from ledger.ports import Ledger
from ledger.queries import LogPage, LogQuery, RequestQuery, position_of_log, position_of_request
from ledger.recipient_hashes import recipient_hashes
from ledger.request_counts import count_request, known_recipients
from producer.auth.token_verifier import READ, Principal
from producer.dependencies import Dependencies
from producer.errors import BadRequestError, NotFoundError
from producer.http.body_errors import check_unique, describe_problems
from producer.read.log_items import log_items
from producer.read.pagination import PageRequest, parse_page_request
from producer.read.request_summaries import request_response, request_summary
from producer.read.search_filters import log_query, own_user, read_own_request
from producer.responses import JSON
from schemas.http_responses import (
    CommunicationLogListResponse,
    LogResponse,
    RequestListResponse,
    RequestResponse,
    ResponseBody,
    SimpleResponse,
)
from schemas.read_requests import LogFilters, LogSearch, Paging
from schemas.validation_errors import LONGEST_NAME

NO_LOG = "there is no such delivery"

Reader = Callable[[Request], Coroutine[Any, Any, Principal]]


def reading_routes(deps: Dependencies) -> APIRouter:
    """The routes, bound to what they work with."""
    router = APIRouter()
    errors: dict[int | str, dict[str, Any]] = {
        status: {"model": SimpleResponse} for status in (400, 401, 403, 500, 503)
    }
    absent: dict[int | str, dict[str, Any]] = {404: {"model": SimpleResponse}}
    refusals: dict[int | str, dict[str, Any]] = {status: {"model": SimpleResponse} for status in (408, 413, 415)}

    @router.get("/communication/logs", response_model=CommunicationLogListResponse, responses=errors)
    async def list_logs(
        caller: Annotated[Principal, Depends(_reader(deps, LogFilters))], query: Annotated[LogFilters, Query()]
    ) -> Response:
        """Deliveries, newest requests first, pending ones included."""
        page = parse_page_request(query.page, query.page_size, query.after)
        return await _listed(deps, log_query(caller, query, page), page)

    @router.post(
        "/communication/logs/search", response_model=CommunicationLogListResponse, responses={**errors, **refusals}
    )
    async def search_logs(request: Request, caller: Annotated[Principal, Depends(_reader(deps))]) -> Response:
        """Deliveries by the same conditions and by recipient: an address stays out of URLs."""
        async with deps.bodies.read(request) as body:
            search = _read_search(bytes(body))
        page = parse_page_request(search.page, search.page_size, search.after)
        hashes: frozenset[bytes] = frozenset()
        if search.recipient is not None:
            region = deps.settings.default_region
            hashes = recipient_hashes(search.recipient, search.channel, deps.sealer, region)
        return await _listed(deps, log_query(caller, search, page, hashes), page)

    @router.get("/communication/logs/{log_id}", response_model=LogResponse, responses={**errors, **absent})
    async def read_log(log_id: str, caller: Annotated[Principal, Depends(_reader(deps))]) -> Response:
        """One delivery."""
        return _said(await deps.archive.query(lambda ledger: _log(deps, ledger, caller, log_id)))

    @router.get("/communication/requests", response_model=RequestListResponse, responses=errors)
    async def list_requests(
        caller: Annotated[Principal, Depends(_reader(deps, Paging))], query: Annotated[Paging, Query()]
    ) -> Response:
        """Requests, newest first."""
        page = parse_page_request(query.page, query.page_size, query.after)
        which = RequestQuery(
            caller.tenant_id, own_user(caller), page.after, page.number, page.size, count_limit=page.count_to
        )
        return _said(await deps.archive.query(lambda ledger: _requests(deps, ledger, page, which)))

    @router.get("/communication/requests/{request_id}", response_model=RequestResponse, responses={**errors, **absent})
    async def read_request(request_id: str, caller: Annotated[Principal, Depends(_reader(deps))]) -> Response:
        """One request: how many of its recipients stand where."""
        return _said(await deps.archive.query(lambda ledger: _request(deps, ledger, caller, request_id)))

    return router


def _reader(deps: Dependencies, query: type[BaseModel] | None = None) -> Reader:
    """Who reads, and that the query string has only what the route takes."""
    names = {field.alias or name for name, field in (query.model_fields if query else {}).items()}

    async def reader(request: Request) -> Principal:
        caller = await deps.doorkeeper.authenticate(request.headers)
        caller.require(READ)
        for name in request.query_params:
            if name == "recipient":
                raise BadRequestError("recipient: addresses stay out of URLs; use POST /communication/logs/search")
            if name not in names:
                raise BadRequestError(f"{name[:LONGEST_NAME]}: is not a parameter of this")
            if name != "status" and len(request.query_params.getlist(name)) > 1:
                raise BadRequestError(f"{name}: is there twice")
        return caller

    return reader


def _read_search(body: bytes) -> LogSearch:
    try:
        search = LogSearch.model_validate_json(body)
    except ValidationError as error:
        raise BadRequestError(describe_problems(error)) from None
    check_unique(body)
    return search


async def _listed(deps: Dependencies, query: LogQuery, page: PageRequest) -> Response:
    return _said(await deps.archive.query(lambda ledger: _logs(deps, ledger, query, page)))


async def _logs(deps: Dependencies, ledger: Ledger, query: LogQuery, page: PageRequest) -> CommunicationLogListResponse:
    found = await ledger.logs.find(query)
    last = position_of_log(found.items[-1]) if found.items else None
    total, exact = await _total(ledger, query, found)
    info = page.info(total, last, more=found.has_more, exact=exact)
    items = await log_items(found.items, ledger, deps.sealer)
    now = deps.sources.now()
    return CommunicationLogListResponse(
        code=200, items=items, message="ok", pagination=info, timestamp=now, total=info.total
    )


async def _total(ledger: Ledger, query: LogQuery, found: LogPage) -> tuple[int, bool]:
    """How many there are, and whether that is all: a whole request knows it, however large it is."""
    whole = LogQuery(
        query.tenant_id, query.user_id, query.key, page_size=query.page_size, count_limit=query.count_limit
    )
    if query.key is None or found.total_is_exact or replace(query, page=1) != whole:
        return found.total, found.total_is_exact
    request = await ledger.requests.get(query.key)
    return (known_recipients(request), True) if request else (found.total, False)


async def _log(deps: Dependencies, ledger: Ledger, caller: Principal, log_id: str) -> LogResponse:
    found = await ledger.logs.get(caller.tenant_id, LogId(log_id), own_user(caller))
    if found is None:
        raise NotFoundError(NO_LOG)
    (item,) = await log_items([found], ledger, deps.sealer)
    return LogResponse(**item.model_dump(), code=200, message="ok", timestamp=deps.sources.now())


async def _requests(deps: Dependencies, ledger: Ledger, page: PageRequest, which: RequestQuery) -> RequestListResponse:
    found = await ledger.requests.find_page(which)
    last = position_of_request(found.items[-1]) if found.items else None
    info = page.info(found.total, last, more=found.has_more, exact=found.total_is_exact)
    items = [request_summary(request, ledger.now()) for request in found.items]
    now = deps.sources.now()
    return RequestListResponse(code=200, items=items, message="ok", pagination=info, timestamp=now, total=info.total)


async def _request(deps: Dependencies, ledger: Ledger, caller: Principal, request_id: str) -> RequestResponse:
    found = await read_own_request(ledger, caller, request_key(caller.tenant_id, request_id))
    return request_response(found, await count_request(ledger, found), ledger.now(), deps.sources.now())


def _said(answer: ResponseBody) -> Response:
    return Response(answer.json_bytes(), 200, media_type=JSON)
