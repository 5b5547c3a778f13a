"""Requests in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from typing_extensions import override

from core.chunk_work import Counts
from core.ids import ChunkId, RequestKey, key_of_chunk
from core.money import NO_COST, Cost
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.memory.chunk_store import MemoryChunks
from ledger.memory.store import RequestDocument, Store
from ledger.models import Chunk, Completion, ControlFlags, Part, RequestHeader, StoredRequest
from ledger.queries import RequestPage, RequestQuery, counted, position_of_request
from ledger.request_port import Requests
from ledger.sweep_delays import NEVER


class MemoryRequests(Requests):
    """Requests in memory."""

    def __init__(self, store: Store, chunks: MemoryChunks) -> None:
        self._store, self._chunks = store, chunks

    @override
    async def register_part(self, header: RequestHeader, part: Part) -> StoredRequest:
        document = self._store.requests.get(header.key)
        if document is None:
            now = self._store.clock()
            document = RequestDocument(StoredRequest(header, parts={}), looked_at=max(now, header.send_at or now))
            self._store.requests[header.key] = document
        if part.number not in document.request.parts and not _is_refused(document.request, header, part):
            document.request = replace(
                document.request,
                parts={**document.request.parts, part.number: part},
                last_part=part.number if part.last else document.request.last_part,
                begun_at=self._store.clock(),
            )
        return document.request

    @override
    async def insert_small(self, header: RequestHeader, part: Part, chunk: Chunk) -> bool:
        if header.key in self._store.requests:
            return False
        now = self._store.clock()
        request = StoredRequest(
            header, {part.number: part}, frozenset({part.number}), part.number, holds_chunk=True, begun_at=now
        )
        self._store.requests[header.key] = RequestDocument(request, looked_at=NEVER)
        self._chunks.add(chunk)
        return True

    @override
    async def insert_small_claimed(
        self, header: RequestHeader, part: Part, chunk: Chunk, claim: ClaimRequest
    ) -> ClaimResult | None:
        if await self.insert_small(header, part, chunk) or self._chunks.is_owned_by(chunk.id, claim.owner):
            return await self._chunks.claim(chunk.id, claim)
        return None

    @override
    async def close_small(
        self, token: ClaimToken, counts: Counts, completed_at: datetime, cost: Cost = NO_COST
    ) -> Completion | None:
        if not await self._chunks.close(token, counts, cost):
            return None
        completion = Completion.of(counts, completed_at, cost=cost)
        self._store_completion(self._store.requests[key_of_chunk(token.chunk_id)], completion)
        return completion

    @override
    async def mark_part_expanded(self, key: RequestKey, part: int) -> StoredRequest:
        document = self._store.requests.get(key)
        if document is None:
            raise LookupError("a part is marked as expanded only after it was registered")
        document.request = replace(document.request, expanded_parts=document.request.expanded_parts | {part})
        return document.request

    @override
    async def get(self, key: RequestKey) -> StoredRequest | None:
        document = self._store.requests.get(key)
        return document.request if document else None

    @override
    async def completion(self, key: RequestKey) -> Completion | None:
        document = self._store.requests.get(key)
        return document.request.completion if document else None

    @override
    async def cancel(self, key: RequestKey, *, scheduled_only: bool = False) -> StoredRequest | None:
        document = self._uncompleted(key)
        if document is None:
            return None
        send_at = document.request.header.send_at
        if scheduled_only and not document.request.cancelled and (not send_at or send_at <= self._store.clock()):
            return None
        document.request = replace(document.request, cancelled=True)
        if document.request.holds_chunk:
            await self._chunks.mark_cancelled(key, 0)
        else:
            document.looked_at = self._store.clock()
        return document.request

    @override
    async def pause(self, key: RequestKey) -> StoredRequest | None:
        return await self._pause(key, odd=True)

    @override
    async def resume(self, key: RequestKey) -> StoredRequest | None:
        return await self._pause(key, odd=False)

    async def _pause(self, key: RequestKey, *, odd: bool) -> StoredRequest | None:
        document = self._uncompleted(key)
        if document is None or document.request.cancelled:
            return None
        pauses = document.request.pauses
        document.request = replace(document.request, pauses=pauses + (pauses % 2 != odd))
        if document.request.holds_chunk:
            await self._chunks.set_pause_count(key, document.request.pauses, 0)
        return document.request

    @override
    async def control_flags(self, key: RequestKey) -> ControlFlags:
        document = self._store.requests.get(key)
        return document.request.control_flags if document else ControlFlags()

    @override
    async def close_intake(self, key: RequestKey) -> StoredRequest | None:
        document = self._uncompleted(key)
        if document is None or _all_registered(document.request):
            return None
        document.request = replace(document.request, intake_closed=True)
        return document.request

    @override
    async def write_off_lost_parts(self, key: RequestKey) -> StoredRequest | None:
        document = self._uncompleted(key)
        if document is None or not (lost := document.request.parts.keys() - document.request.expanded_parts):
            return None
        document.request = replace(document.request, intake_closed=True, lost_parts=frozenset(lost))
        return document.request

    @override
    async def complete(self, key: RequestKey, counts: Counts, cost: Cost = NO_COST) -> StoredRequest | None:
        document = self._uncompleted(key)
        if document is None or not document.request.all_parts_expanded:
            return None
        closed = document.request.intake_closed
        completion = Completion.of(counts, self._store.clock(), incomplete=closed, cost=cost)
        self._store_completion(document, completion)
        return document.request

    def _store_completion(self, document: RequestDocument, completion: Completion) -> None:
        header = replace(document.request.header, sealed_secrets=None)
        document.request = replace(document.request, header=header, completion=completion)
        document.looked_at = self._store.clock()

    @override
    async def reserve(self, chunk_id: ChunkId, fence: int, amount: int, budget: int) -> int | None:
        document = self._store.requests.get(key_of_chunk(chunk_id))
        if document is None:
            return None
        latest, before = document.reserved.get(chunk_id, (0, 0))
        if latest > fence:
            return None
        others = sum(reserved for _, reserved in document.reserved.values()) - before
        granted = min(amount, max(budget - others, before))
        document.reserved[chunk_id] = fence, granted
        return granted

    @override
    async def mark_completion_published(self, key: RequestKey) -> None:
        if document := self._store.requests.get(key):
            document.request = replace(document.request, completion_published=True)

    @override
    async def take_unfinished(self, *, idle_seconds: float, limit: int) -> list[StoredRequest]:
        now = self._store.clock()
        idle_since = now - timedelta(seconds=idle_seconds)
        waiting = [
            d for d in self._store.requests.values() if not d.request.completion_published and d.looked_at <= idle_since
        ]
        oldest = sorted(waiting, key=lambda document: document.looked_at)[:limit]
        for document in oldest:
            document.looked_at = now
        return [document.request for document in oldest]

    @override
    async def find_page(self, query: RequestQuery) -> RequestPage:
        requests = [
            document.request
            for document in self._store.requests.values()
            if document.request.header.tenant_id == query.tenant_id
            and query.user_id in (None, document.request.header.user_id)
        ]
        requests.sort(key=lambda request: request.header.key)
        requests.sort(key=lambda request: request.header.accepted_at, reverse=True)
        total, exact = counted(len(requests), query.count_limit)
        if query.after is not None:
            requests = [request for request in requests if query.after.comes_before(position_of_request(request))]
        start = 0 if query.after else (query.page - 1) * query.page_size
        end = start + query.page_size
        page = [
            replace(request, header=replace(request.header, sealed_text=b"", sealed_secrets=None))
            for request in requests[start:end]
        ]
        return RequestPage(page, total, has_more=len(requests) > end, total_is_exact=exact)

    @override
    async def get_headers(self, keys: Sequence[RequestKey]) -> dict[RequestKey, RequestHeader]:
        found = await self.get_many(keys)
        return {key: replace(each.header, sealed_text=b"", sealed_secrets=None) for key, each in found.items()}

    @override
    async def get_many(self, keys: Sequence[RequestKey]) -> dict[RequestKey, StoredRequest]:
        return {key: self._store.requests[key].request for key in keys if key in self._store.requests}

    def _uncompleted(self, key: RequestKey) -> RequestDocument | None:
        document = self._store.requests.get(key)
        return document if document and document.request.completion is None else None


def _is_refused(request: StoredRequest, header: RequestHeader, part: Part) -> bool:
    """Return whether a part that is not registered must not be registered."""
    if request.intake_closed or (request.header.key_id, request.header.digest) != (header.key_id, header.digest):
        return True
    if request.last_part is not None and (part.last or part.number > request.last_part):
        return True
    return part.last and any(number > part.number for number in request.parts)


def _all_registered(request: StoredRequest) -> bool:
    return request.last_part is not None and request.parts.keys() >= set(range(request.last_part + 1))
