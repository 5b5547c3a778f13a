"""Routes for the suppressions of a tenant. No address is in a URL, and none is shown whole without its own scope."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from ledger.ports import Ledger
from ledger.suppressing import add_suppressions
from ledger.suppression_key import SuppressionKey
from ledger.suppression_port import Addition, Entries
from producer.auth.token_verifier import SUPPRESSIONS, Principal
from producer.caller import caller_with
from producer.dependencies import Dependencies
from producer.errors import ConflictError
from producer.http.body_errors import parse_body
from producer.responses import json_response
from producer.suppressions.access import (
    FULL,
    IN_EFFECT,
    address_to_suppress,
    key_for_additions,
    key_for_reads,
    normalise,
    query,
)
from producer.suppressions.answers import shown_item, shown_suppression
from producer.suppressions.pages import SuppressionPage, in_force, read_page
from schemas.http_responses import SimpleResponse
from schemas.query_parameters import SuppressionFilter
from schemas.suppressions import (
    SuppressedRecipient,
    SuppressionAdded,
    SuppressionAddition,
    SuppressionAnswer,
    SuppressionListResponse,
    SuppressionRemoval,
    SuppressionRemoved,
)

PATH = "/communication/suppressions"
MAX_BODY_BYTES = 16 * 1024
"""Maximum size of a body about one address in bytes."""

Responses = dict[int | str, dict[str, Any]]


def errors(*statuses: int) -> Responses:
    """Return the errors of a route."""
    return {status: {"model": SimpleResponse} for status in (400, 401, 403, 429, 500, 503, *statuses)}


def suppression_routes(deps: Dependencies) -> APIRouter:
    """Return the routes, bound to the parts of the service."""
    router = APIRouter()
    _add_read_routes(router, deps)
    _add_write_routes(router, deps)
    return router


def _add_read_routes(router: APIRouter, deps: Dependencies) -> None:
    @router.get(PATH, response_model=SuppressionListResponse, responses=errors())
    async def list_suppressions(
        principal: Annotated[Principal, Depends(caller_with(deps, SUPPRESSIONS, SuppressionFilter))],
        filters: Annotated[SuppressionFilter, Query()],
    ) -> Response:
        """List addresses that must not be written to, in no order that has a meaning."""
        key = await key_for_reads(deps, principal.tenant_id)
        page = await read_page(deps, key, filters) if key else SuppressionPage([], None)
        items = [shown_item(each, key, principal) for each in page.items] if key else []
        now = deps.clock.now()
        return json_response(
            SuppressionListResponse(code=200, message="ok", timestamp=now, items=items, next=page.next)
        )

    @router.post(f"{PATH}/search", response_model=SuppressionAnswer, responses=errors(408, 413, 415))
    async def search_suppressions(
        request: Request, principal: Annotated[Principal, Depends(caller_with(deps, SUPPRESSIONS))]
    ) -> Response:
        """Return the suppressions of one address. The body keeps it out of URLs."""
        async with deps.body_reader.read(request, principal.tenant_id, MAX_BODY_BYTES) as raw:
            body = parse_body(SuppressedRecipient, bytes(raw))
        address, key = normalise(body, deps), await key_for_reads(deps, principal.tenant_id)
        entries = await _entries(deps, key, body, address) if key else ()
        data = shown_suppression(body.channel, address, entries, principal)
        return json_response(SuppressionAnswer(code=200, message="ok", timestamp=deps.clock.now(), data=data))


def _add_write_routes(router: APIRouter, deps: Dependencies) -> None:
    manager = Annotated[Principal, Depends(caller_with(deps, SUPPRESSIONS))]

    @router.post(PATH, response_model=SuppressionAdded, responses=errors(408, 409, 413, 415))
    async def add_suppression(request: Request, principal: manager) -> Response:
        """Add an entry to an address. The first one of a tenant takes 8 s, until all consumers look for it."""
        async with deps.body_reader.read(request, principal.tenant_id, MAX_BODY_BYTES) as raw:
            body = parse_body(SuppressionAddition, bytes(raw))
        new = address_to_suppress(body, deps)
        key = await key_for_additions(deps, principal.tenant_id)
        (addition,) = await query(deps, lambda ledger: add_suppressions(ledger, key, [new]))
        if addition is Addition.FULL:
            raise ConflictError(FULL)
        in_effect_from = deps.clock.now()
        data = shown_suppression(body.channel, new.address, await _entries(deps, key, body, new.address), principal)
        answer = SuppressionAdded(
            code=200,
            message=IN_EFFECT,
            timestamp=deps.clock.now(),
            data=data,
            added=addition is Addition.ADDED,
            in_effect_from=in_effect_from,
        )
        return json_response(answer)

    @router.post(f"{PATH}/remove", response_model=SuppressionRemoved, responses=errors(408, 413, 415))
    async def remove_suppression(request: Request, principal: manager) -> Response:
        """Remove entries of an address: those with a scope and a reason, or all."""
        async with deps.body_reader.read(request, principal.tenant_id, MAX_BODY_BYTES) as raw:
            body = parse_body(SuppressionRemoval, bytes(raw))
        address, key = normalise(body, deps), await key_for_reads(deps, principal.tenant_id)
        removed, entries = await _remove(deps, key, body, address) if key else (0, ())
        data = shown_suppression(body.channel, address, entries, principal)
        now = deps.clock.now()
        return json_response(SuppressionRemoved(code=200, message="ok", timestamp=now, data=data, removed=removed))


async def _remove(
    deps: Dependencies, key: SuppressionKey, body: SuppressionRemoval, address: str
) -> tuple[int, Entries]:
    """Remove entries. Return their number, and those that are left."""
    name = key.id_of(body.channel, address)
    removed = await query(deps, lambda ledger: ledger.suppressions.remove(name, body.scope, body.reason))
    return removed, await _entries(deps, key, body, address)


async def _entries(deps: Dependencies, key: SuppressionKey, body: SuppressedRecipient, address: str) -> Entries:
    """Return the entries of an address that count now."""
    name = key.id_of(body.channel, address)

    async def read(ledger: Ledger) -> Entries:
        found = await ledger.suppressions.find([name])
        return in_force(found.get(name, ()), ledger.now())

    return await query(deps, read)
