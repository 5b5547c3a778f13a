"""Requests in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from core.chunk_work import Counts
from core.ids import RequestKey
from ledger.memory.store import RequestDocument, Store
from ledger.models import Completion, Head, Marks, Part, Request, tally
from ledger.queries import RequestPage, RequestQuery, counted, place_of_request


class MemoryRequests:
    """Implements `ledger.ports.Requests`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, head: Head, part: Part) -> Request:
        """Create the request or read back what stands, and note the part unless it is refused."""
        document = self._store.requests.get(head.key)
        if document is None:
            now = self._store.clock()
            document = RequestDocument(Request(head, parts={}), looked_at=max(now, head.send_at or now))
            self._store.requests[head.key] = document
        if part.number not in document.request.parts and not _is_refused(document.request, head, part):
            document.request = replace(
                document.request,
                parts={**document.request.parts, part.number: part},
                last_part=part.number if part.last else document.request.last_part,
                begun_at=self._store.clock(),
            )
        return document.request

    async def count(self, key: RequestKey, part: int) -> Request:
        """Add a part to the set of those whose chunks are all written."""
        document = self._store.requests.get(key)
        if document is None:
            raise LookupError("a part is counted only after it was begun")
        document.request = replace(document.request, counted=document.request.counted | {part})
        return document.request

    async def get(self, key: RequestKey) -> Request | None:
        """The request as it stands."""
        document = self._store.requests.get(key)
        return document.request if document else None

    async def cancel(self, key: RequestKey, *, scheduled_only: bool = False) -> Request | None:
        """Mark the request; None where it is unknown or completed, or no longer scheduled."""
        document = self._uncompleted(key)
        if document is None:
            return None
        send_at = document.request.head.send_at
        if scheduled_only and not document.request.cancelled and (not send_at or send_at <= self._store.clock()):
            return None
        document.request, document.looked_at = replace(document.request, cancelled=True), self._store.clock()
        return document.request

    async def pause(self, key: RequestKey) -> Request | None:
        """Mark the request as paused, unless it is."""
        return self._pause(key, odd=True)

    async def resume(self, key: RequestKey) -> Request | None:
        """Take that mark away, if it is there."""
        return self._pause(key, odd=False)

    def _pause(self, key: RequestKey, *, odd: bool) -> Request | None:
        document = self._uncompleted(key)
        if document is None or document.request.cancelled:
            return None
        pauses = document.request.pauses
        document.request = replace(document.request, pauses=pauses + (pauses % 2 != odd))
        return document.request

    async def marks(self, key: RequestKey) -> Marks:
        """What was ordered about a request."""
        document = self._store.requests.get(key)
        return document.request.marks if document else Marks()

    async def cut(self, key: RequestKey) -> Request | None:
        """Refuse the parts not begun from now on; None where it is unknown, completed or all parts are begun."""
        document = self._uncompleted(key)
        if document is None or _all_begun(document.request):
            return None
        document.request = replace(document.request, cut=True)
        return document.request

    async def give_up(self, key: RequestKey) -> Request | None:
        """Cut the request, and take the parts begun and not counted for lost; None where there is none of them."""
        document = self._uncompleted(key)
        if document is None or not (lost := document.request.parts.keys() - document.request.counted):
            return None
        document.request = replace(document.request, cut=True, lost=frozenset(lost))
        return document.request

    async def complete(self, key: RequestKey, counts: Counts) -> Request | None:
        """Store the completion; None where one stands, or not every part that will ever count is counted."""
        document = self._uncompleted(key)
        if document is None or not document.request.all_expanded:
            return None
        by_status, by_reason = tally(counts)
        completion = Completion(
            completed_at=self._store.clock(),
            total=counts.total(),
            by_status=by_status,
            by_reason=by_reason,
            incomplete=document.request.cut,
        )
        document.request, document.looked_at = replace(document.request, completion=completion), self._store.clock()
        return document.request

    async def announced(self, key: RequestKey) -> None:
        """Note that the completion's event was acknowledged."""
        if document := self._store.requests.get(key):
            document.request = replace(document.request, announced=True)

    async def unfinished(self, *, idle_seconds: float, limit: int) -> list[Request]:
        """Up to `limit` requests without a noted completion that nobody looked at for so long, the oldest first."""
        now = self._store.clock()
        idle_since = now - timedelta(seconds=idle_seconds)
        waiting = [d for d in self._store.requests.values() if not d.request.announced and d.looked_at <= idle_since]
        found = sorted(waiting, key=lambda document: document.looked_at)[:limit]
        for document in found:
            document.looked_at = now
        return [document.request for document in found]

    async def find(self, query: RequestQuery) -> RequestPage:
        """A page of requests, newest first."""
        found = [
            document.request
            for document in self._store.requests.values()
            if document.request.head.tenant_id == query.tenant_id
            and query.user_id in (None, document.request.head.user_id)
        ]
        found.sort(key=lambda request: request.head.key)
        found.sort(key=lambda request: request.head.accepted_at, reverse=True)
        total, exact = counted(len(found), query.count_to)
        if query.after is not None:
            found = [request for request in found if query.after.precedes(place_of_request(request))]
        start = 0 if query.after else (query.page - 1) * query.page_size
        end = start + query.page_size
        return RequestPage(found[start:end], total, more=len(found) > end, exact=exact)

    async def standing(self, keys: Sequence[RequestKey]) -> dict[RequestKey, Request]:
        """Which of these requests exist."""
        return {key: self._store.requests[key].request for key in keys if key in self._store.requests}

    def _uncompleted(self, key: RequestKey) -> RequestDocument | None:
        document = self._store.requests.get(key)
        return document if document and document.request.completion is None else None


def _is_refused(request: Request, head: Head, part: Part) -> bool:
    """Whether a part that is not begun may not begin, or not any more."""
    if request.cut or (request.head.key_id, request.head.digest) != (head.key_id, head.digest):
        return True
    if request.last_part is not None and (part.last or part.number > request.last_part):
        return True
    return part.last and any(number > part.number for number in request.parts)


def _all_begun(request: Request) -> bool:
    return request.last_part is not None and request.parts.keys() >= set(range(request.last_part + 1))
