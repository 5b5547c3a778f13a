"""Erasure and deletion of old requests in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from typing_extensions import override

from core.ids import log_range
from ledger.memory.store import RequestDocument, Store
from ledger.ports import Retention


class MemoryRetention(Retention):
    """Erasure and deletion of old requests in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def erase(self, *, after: timedelta, limit: int) -> int:
        document = self._oldest(after, lambda document: bool(document.request.header.sealed_text))
        if document is None:
            return 0
        header = document.request.header
        chunks = [stored for stored in self._store.chunks_of(header.key) if stored.chunk.sealed and not stored.open][
            :limit
        ]
        for stored in chunks:
            stored.chunk = replace(stored.chunk, sealed=b"", sealed_secrets={})
        if not chunks or document.request.holds_chunk:
            header = replace(header, sealed_text=b"", sealed_secrets=None)
            document.request = replace(document.request, header=header)
        return len(chunks) or 1

    @override
    async def delete(self, *, after: timedelta, limit: int) -> int:
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
        for stored in chunks:
            store.chunks_of(key).remove(stored)
            del store.chunks[stored.chunk.id]
        if not chunks or document.request.holds_chunk:
            del store.requests[key]
        return len(chunks) or 1

    def _oldest(self, after: timedelta, matches: Callable[[RequestDocument], bool]) -> RequestDocument | None:
        """Return the oldest request with a published completion that is at least this old."""
        before = self._store.clock() - after
        completed = [
            (document.request.completion.completed_at, document)
            for document in self._store.requests.values()
            if document.request.completion and document.request.completion_published and matches(document)
        ]
        due = [(at, document) for at, document in completed if at <= before]
        return min(due, key=lambda pair: pair[0])[1] if due else None
