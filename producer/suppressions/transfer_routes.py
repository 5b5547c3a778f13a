"""Import and export of the suppressions of a tenant, as lines of JSON."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from core.ids import suppression_range
from ledger.suppressing import SuppressedAddress, add_suppressions
from ledger.suppression_port import Addition
from producer.auth.token_verifier import SUPPRESSIONS, Principal
from producer.caller import caller_with
from producer.dependencies import Dependencies
from producer.http.tenant_room import RoomBounds, TenantRoom
from producer.responses import NDJSON, json_response
from producer.suppressions.access import FULL, IN_EFFECT, key_for_additions, key_for_reads, query
from producer.suppressions.answers import exported_lines
from producer.suppressions.import_lines import MAX_IMPORT_BYTES, read_lines, split_lines
from producer.suppressions.pages import SuppressionPage, list_current
from producer.suppressions.routes import PATH, errors
from schemas.suppressions import LineProblem, SuppressionImported

LINES_AT_ONCE = 500
"""Number of lines of an import that are written with one command."""
ADDRESSES_AT_ONCE = 500
"""Number of addresses of an export that are read with one command."""
EXPORT_PLACES = RoomBounds(total=4, tenant=1, waiting_calls=10, wait_seconds=5)
"""Exports that run at the same time."""
_TOO_MANY = "too many exports at the moment"
_LINES = {"description": "one line for each entry", "content": {NDJSON: {"schema": {"type": "string"}}}}


def suppression_transfer_routes(deps: Dependencies) -> APIRouter:
    """Return the routes, bound to the parts of the service."""
    router, places = APIRouter(), TenantRoom(EXPORT_PLACES, _TOO_MANY)

    @router.post(f"{PATH}/import", response_model=SuppressionImported, responses=errors(408, 413, 415))
    async def import_suppressions(
        request: Request, principal: Annotated[Principal, Depends(caller_with(deps, SUPPRESSIONS))]
    ) -> Response:
        """Add an entry for each line. Lines that are wrong are named, and the others are taken."""
        reading = deps.body_reader.read(request, principal.tenant_id, MAX_IMPORT_BYTES, NDJSON)
        async with reading as raw:
            return json_response(await _import(split_lines(raw), deps, principal.tenant_id))

    @router.get(f"{PATH}/export", response_class=Response, responses={**errors(), 200: _LINES})
    async def export_suppressions(
        principal: Annotated[Principal, Depends(caller_with(deps, SUPPRESSIONS))],
    ) -> Response:
        """Return all suppressions of the tenant, one entry a line."""
        return _Export(deps, principal, places)

    return router


async def _import(lines: list[tuple[int, bytes]], deps: Dependencies, tenant_id: str) -> SuppressionImported:
    additions: dict[Addition, int] = dict.fromkeys(Addition, 0)
    problems: list[LineProblem] = []
    for begin in range(0, len(lines), LINES_AT_ONCE):
        read = await read_lines(lines[begin : begin + LINES_AT_ONCE], deps)
        good = [(number, each) for number, each in read if isinstance(each, SuppressedAddress)]
        problems += [each for _, each in read if isinstance(each, LineProblem)]
        if not good:
            continue
        key = await key_for_additions(deps, tenant_id)
        addresses = [each for _, each in good]
        results = await query(deps, partial(add_suppressions, key=key, addresses=addresses))
        for (number, _), result in zip(good, results, strict=True):
            additions[result] += 1
            if result is Addition.FULL:
                problems.append(LineProblem(line=number, problem=f"recipient: {FULL}"))
    now = deps.clock.now()
    return SuppressionImported(
        code=200,
        message=IN_EFFECT,
        timestamp=now,
        added=additions[Addition.ADDED],
        unchanged=additions[Addition.UNCHANGED],
        failed=len(problems),
        problems=sorted(problems, key=lambda each: each.line),
        in_effect_from=now,
    )


class _Export(Response):
    """Response that reads while it is sent. Its first page is read before the status, so that an error has its own."""

    def __init__(self, deps: Dependencies, principal: Principal, places: TenantRoom) -> None:
        super().__init__()
        self._deps, self._principal, self._places = deps, principal, places

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._places.share(self._principal.tenant_id) as place:
            await place.take(1)
            pages = self._pages()
            first = await anext(pages)

            async def lines() -> AsyncIterator[bytes]:
                yield first
                async for page in pages:
                    yield page

            await StreamingResponse(lines(), media_type=NDJSON)(scope, receive, send)

    async def _pages(self) -> AsyncIterator[bytes]:
        """Yield the lines of one page after the other, at least one page."""
        deps = self._deps
        key = await key_for_reads(deps, self._principal.tenant_id)
        if key is None:
            yield b""
            return
        after: str | None
        after, before = suppression_range(key.key_id, None)
        while after is not None:
            read = partial(list_current, after=after, before=before, limit=ADDRESSES_AT_ONCE)
            page: SuppressionPage = await query(deps, read)
            yield b"".join(line for each in page.items for line in exported_lines(each, key, self._principal))
            after = page.next
