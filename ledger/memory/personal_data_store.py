"""Erasure of the data of a person in memory."""

from collections.abc import Sequence
from dataclasses import replace

from typing_extensions import override

from core.chunk_work import Work
from core.ids import ChunkId, LogId, RequestKey, position
from ledger.memory.chunk_values import copy_work
from ledger.memory.store import Store
from ledger.models import Chunk
from ledger.personal_data_port import PersonalData, Pseudonym, StoredChunk


class MemoryPersonalData(PersonalData):
    """Erasure in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def read_chunk(self, log_id: LogId) -> StoredChunk | None:
        place = position(log_id)
        if place is None:
            return None
        key, part, index = place
        for each in self._store.chunks_of(key):
            chunk = each.chunk
            if chunk.part == part and chunk.first <= index < chunk.first + chunk.size:
                copied = replace(chunk, work=copy_work(chunk.work))
                return StoredChunk(copied, each.window, each.open, each.owner is not None, each.fence)
        return None

    @override
    async def replace_recipients(self, stored: StoredChunk, erased: Chunk, work: Work | None) -> bool:
        document = self._store.chunks.get(stored.chunk.id)
        if document is None or document.chunk.hashes != stored.chunk.hashes:
            return False
        if bool(document.chunk.sealed) != bool(stored.chunk.sealed):
            return False
        if work is not None:
            if not document.open or document.owner is not None or document.fence != stored.fence:
                return False
            document.chunk = replace(document.chunk, work=copy_work(work))
        gone = stored.chunk.sealed_secrets.keys() - erased.sealed_secrets.keys()
        secrets = {index: sealed for index, sealed in document.chunk.sealed_secrets.items() if index not in gone}
        document.chunk = replace(
            document.chunk,
            masked=erased.masked,
            hashes=erased.hashes,
            references=erased.references,
            sealed=erased.sealed,
            sealed_secrets=secrets,
        )
        return True

    @override
    async def erase_chunks(
        self, key: RequestKey, pseudonym: Pseudonym, after: ChunkId | None, limit: int
    ) -> ChunkId | None:
        closed = sorted(
            (each for each in self._store.chunks_of(key) if not each.open and each.chunk.id > (after or "")),
            key=lambda each: each.chunk.id,
        )[:limit]
        for each in closed:
            size = each.chunk.size
            each.chunk = replace(
                each.chunk,
                masked=(pseudonym.text,) * size,
                hashes=pseudonym.hash * size,
                references=None,
                sealed=b"",
                sealed_secrets={},
            )
        return closed[-1].chunk.id if len(closed) == limit else None

    @override
    async def erase_texts(self, key: RequestKey) -> None:
        if document := self._store.requests.get(key):
            header = replace(document.request.header, sealed_text=b"", sealed_secrets=None, correlation_id=None)
            document.request = replace(document.request, header=header)

    @override
    async def erase_logs(self, ids: Sequence[LogId], pseudonym: Pseudonym, user: str | None = None) -> int:
        found = [self._store.logs[each] for each in ids if each in self._store.logs]
        for log in found:
            self._store.logs[log.id] = log._replace(
                recipient=pseudonym.text,
                recipient_hash=pseudonym.hash,
                user_id=log.user_id if user is None else user,
                reference=None,
                provider_message_id=None,
                response=None,
                error=None,
                as_logged=log.as_logged and log.as_logged._replace(error=None),
            )
        return len(found)

    @override
    async def replace_user(self, key: RequestKey, user: str) -> None:
        if document := self._store.requests.get(key):
            document.request = replace(document.request, header=replace(document.request.header, user_id=user))
