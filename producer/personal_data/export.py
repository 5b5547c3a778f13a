"""Export of the data about a person, streamed as one JSON document or as lines of JSON."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from core.rfc3339 import rfc3339
from ledger.audit_port import AuditAction
from ledger.erasure_orders import AuditedCall, Person, audit_entry, id_of_person
from ledger.ports import Ledger
from producer.auth.token_verifier import Principal
from producer.dependencies import Dependencies
from producer.http.tenant_room import RoomBounds, TenantRoom
from producer.personal_data.export_formats import DocumentWriter, ExportWriter, LineWriter
from producer.personal_data.exported_data import exported_consents, exported_deliveries, exported_suppressions
from producer.responses import JSON, NDJSON
from producer.suppressions.access import query
from schemas.http_responses import ResponseBody

PLACES = RoomBounds(total=2, tenant=1, waiting_calls=10, wait_seconds=5)
"""Exports that run at the same time. Each has the whole texts of a page in memory."""
TOO_MANY = "too many exports at the moment"


def export_places() -> TenantRoom:
    """Return the places of exports. Each takes one."""
    return TenantRoom(PLACES, TOO_MANY)


def wants_lines(headers: Headers) -> bool:
    """Return whether the caller accepts lines of JSON (RFC 9110, 12.5.1). Anything else gets one document."""
    return any(each.partition(";")[0].strip().lower() == NDJSON for each in headers.get("accept", "").split(","))


class Export(Response):
    """Response that reads while it is sent. Its first page is read before the status, so that an error has its own."""

    def __init__(
        self, deps: Dependencies, principal: Principal, person: Person, call: AuditedCall, places: TenantRoom
    ) -> None:
        super().__init__()
        self._deps, self._principal, self._person, self._call = deps, principal, person, call
        self._places = places

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        as_lines = wants_lines(Headers(scope=scope))
        writer: ExportWriter = LineWriter() if as_lines else DocumentWriter(rfc3339(self._call.at))
        with self._places.share(self._principal.tenant_id) as place:
            await place.take(1)
            await self._note()
            pieces = self._pieces(writer)
            first = await anext(pieces)

            async def body() -> AsyncIterator[bytes]:
                yield first
                async for piece in pieces:
                    yield piece

            await StreamingResponse(body(), media_type=NDJSON if as_lines else JSON)(scope, receive, send)

    async def _note(self) -> None:
        """Write the call into the audit log before anything is shown."""
        deps, call = self._deps, self._call

        async def write(ledger: Ledger) -> None:
            name = await id_of_person(ledger, call.tenant_id, deps.sealer, self._person)
            await ledger.audit.add(audit_entry(AuditAction.EXPORT, name, call))

        await query(deps, write)

    async def _pieces(self, writer: ExportWriter) -> AsyncIterator[bytes]:
        counts: Counter[str] = Counter()
        begin = writer.begin()
        async for page in exported_deliveries(self._deps, self._principal, self._person):
            counts["logs"] += len(page)
            yield begin + writer.items("logs", _encoded(page))
            begin = b""
        rest = b""
        for name, export in (("suppressions", exported_suppressions), ("consents", exported_consents)):
            items = await export(self._deps, self._principal, self._person)
            counts[name] = len(items)
            rest += writer.items(name, _encoded(items))
        yield rest + writer.end(counts)
        entry, now = self._call.entry_id, self._deps.clock.now()
        await query(self._deps, lambda ledger: ledger.audit.complete(entry, counts, now))


def _encoded(items: Sequence[ResponseBody]) -> list[bytes]:
    return [item.json_bytes() for item in items]
