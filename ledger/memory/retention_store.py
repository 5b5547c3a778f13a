"""What is past its time, in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from core.ids import log_range
from ledger.memory.store import RequestDocument, Store


class MemoryRetention:
    """Implements `ledger.ports.Retention`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def erase(self, *, after: timedelta, limit: int) -> int:
        """Erase what is sealed: up to `limit` chunks of the oldest request, its text last."""
        document = self._oldest(after, lambda document: bool(document.request.header.sealed_text))
        if document is None:
            return 0
        header = document.request.header
        chunks = [one for one in self._store.chunks_of(header.key) if one.chunk.sealed and not one.open][:limit]
        for one in chunks:
            one.chunk = replace(one.chunk, sealed=b"")
        if not chunks:
            document.request = replace(document.request, header=replace(header, sealed_text=b""))
        return len(chunks) or 1

    async def delete(self, *, after: timedelta, limit: int) -> int:
        """Delete up to `limit` logs of the oldest request, then chunks, then the request."""
        document = self._oldest(after, lambda _: True)
        if document is None:
            return 0
        store, key = self._store, document.request.header.key
        logs = sorted(log for log in store.logs if log.startswith(log_range(key)[0]))[:limit]
        for log in logs:
            del store.logs[log]
        if logs:
            return len(logs)
        chunks = store.chunks_of(key)[:limit]
        for one in chunks:
            store.chunks_of(key).remove(one)
            del store.chunks[one.chunk.id]
        if not chunks:
            del store.requests[key]
        return len(chunks) or 1

    def _oldest(self, after: timedelta, which: Callable[[RequestDocument], bool]) -> RequestDocument | None:
        """The request that was completed first, of those completed so long ago and announced."""
        before = self._store.clock() - after
        found = [
            (document.request.completion.completed_at, document)
            for document in self._store.requests.values()
            if document.request.completion and document.request.completion_published and which(document)
        ]
        due = [(at, document) for at, document in found if at <= before]
        return min(due, key=lambda pair: pair[0])[1] if due else None
