"""Requests in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from core.chunk_work import Counts
from core.ids import RequestKey
from ledger.memory.store import RequestDocument, Store
from ledger.models import Completion, ControlFlags, Part, RequestHeader, StoredRequest, tally
from ledger.queries import RequestPage, RequestQuery, counted, position_of_request


class MemoryRequests:
    """Implements `ledger.ports.Requests`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def register_part(self, header: RequestHeader, part: Part) -> StoredRequest:
        """Create the request or read back what stands, and note the part unless it is refused."""
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

    async def mark_part_expanded(self, key: RequestKey, part: int) -> StoredRequest:
        """Add a part to the set of those whose chunks are all written."""
        document = self._store.requests.get(key)
        if document is None:
            raise LookupError("a part is counted only after it was begun")
        document.request = replace(document.request, expanded_parts=document.request.expanded_parts | {part})
        return document.request

    async def get(self, key: RequestKey) -> StoredRequest | None:
        """The request as it stands."""
        document = self._store.requests.get(key)
        return document.request if document else None

    async def cancel(self, key: RequestKey, *, scheduled_only: bool = False) -> StoredRequest | None:
        """Mark the request; None where it is unknown or completed, or no longer scheduled."""
        document = self._uncompleted(key)
        if document is None:
            return None
        send_at = document.request.header.send_at
        if scheduled_only and not document.request.cancelled and (not send_at or send_at <= self._store.clock()):
            return None
        document.request, document.looked_at = replace(document.request, cancelled=True), self._store.clock()
        return document.request

    async def pause(self, key: RequestKey) -> StoredRequest | None:
        """Mark the request as paused, unless it is."""
        return self._pause(key, odd=True)

    async def resume(self, key: RequestKey) -> StoredRequest | None:
        """Take that mark away, if it is there."""
        return self._pause(key, odd=False)

    def _pause(self, key: RequestKey, *, odd: bool) -> StoredRequest | None:
        document = self._uncompleted(key)
        if document is None or document.request.cancelled:
            return None
        pauses = document.request.pauses
        document.request = replace(document.request, pauses=pauses + (pauses % 2 != odd))
        return document.request

    async def control_flags(self, key: RequestKey) -> ControlFlags:
        """What was ordered about a request."""
        document = self._store.requests.get(key)
        return document.request.control_flags if document else ControlFlags()

    async def close_intake(self, key: RequestKey) -> StoredRequest | None:
        """Refuse the parts not begun from now on; None where it is unknown, completed or all parts are begun."""
        document = self._uncompleted(key)
        if document is None or _all_begun(document.request):
            return None
        document.request = replace(document.request, intake_closed=True)
        return document.request

    async def write_off_lost_parts(self, key: RequestKey) -> StoredRequest | None:
        """Cut the request, and take the parts begun and not counted for lost; None where there is none of them."""
        document = self._uncompleted(key)
        if document is None or not (lost := document.request.parts.keys() - document.request.expanded_parts):
            return None
        document.request = replace(document.request, intake_closed=True, lost_parts=frozenset(lost))
        return document.request

    async def complete(self, key: RequestKey, counts: Counts) -> StoredRequest | None:
        """Store the completion; None where one stands, or not every part that will ever count is counted."""
        document = self._uncompleted(key)
        if document is None or not document.request.all_parts_expanded:
            return None
        by_status, by_reason = tally(counts)
        completion = Completion(
            completed_at=self._store.clock(),
            total=counts.total(),
            by_status=by_status,
            by_reason=by_reason,
            incomplete=document.request.intake_closed,
        )
        document.request, document.looked_at = replace(document.request, completion=completion), self._store.clock()
        return document.request

    async def mark_completion_published(self, key: RequestKey) -> None:
        """Note that the completion's event was acknowledged."""
        if document := self._store.requests.get(key):
            document.request = replace(document.request, completion_published=True)

    async def take_unfinished(self, *, idle_seconds: float, limit: int) -> list[StoredRequest]:
        """Up to `limit` requests without a noted completion that nobody looked at for so long, the oldest first."""
        now = self._store.clock()
        idle_since = now - timedelta(seconds=idle_seconds)
        waiting = [
            d for d in self._store.requests.values() if not d.request.completion_published and d.looked_at <= idle_since
        ]
        found = sorted(waiting, key=lambda document: document.looked_at)[:limit]
        for document in found:
            document.looked_at = now
        return [document.request for document in found]

    async def find_page(self, query: RequestQuery) -> RequestPage:
        """A page of requests, newest first."""
        found = [
            document.request
            for document in self._store.requests.values()
            if document.request.header.tenant_id == query.tenant_id
            and query.user_id in (None, document.request.header.user_id)
        ]
        found.sort(key=lambda request: request.header.key)
        found.sort(key=lambda request: request.header.accepted_at, reverse=True)
        total, exact = counted(len(found), query.count_limit)
        if query.after is not None:
            found = [request for request in found if query.after.comes_before(position_of_request(request))]
        start = 0 if query.after else (query.page - 1) * query.page_size
        end = start + query.page_size
        return RequestPage(found[start:end], total, has_more=len(found) > end, total_is_exact=exact)

    async def get_many(self, keys: Sequence[RequestKey]) -> dict[RequestKey, StoredRequest]:
        """Which of these requests exist."""
        return {key: self._store.requests[key].request for key in keys if key in self._store.requests}

    def _uncompleted(self, key: RequestKey) -> RequestDocument | None:
        document = self._store.requests.get(key)
        return document if document and document.request.completion is None else None


def _is_refused(request: StoredRequest, header: RequestHeader, part: Part) -> bool:
    """Whether a part that is not begun may not begin, or not any more."""
    if request.intake_closed or (request.header.key_id, request.header.digest) != (header.key_id, header.digest):
        return True
    if request.last_part is not None and (part.last or part.number > request.last_part):
        return True
    return part.last and any(number > part.number for number in request.parts)


def _all_begun(request: StoredRequest) -> bool:
    return request.last_part is not None and request.parts.keys() >= set(range(request.last_part + 1))
