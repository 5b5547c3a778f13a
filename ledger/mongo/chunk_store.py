"""Chunks in MongoDB. Claims, fencing tokens and leases follow the clock of the server (I3)."""

from collections.abc import Collection
from datetime import datetime

from pymongo import ReturnDocument
from typing_extensions import override

from core.chunk_work import Counts, Window, Work
from core.ids import ChunkId, RequestKey
from core.money import NO_COST, Cost
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.errors import LedgerUnavailable
from ledger.models import Chunk, ControlFlags
from ledger.mongo.chunk_documents import closed_document, read_chunk, read_control_flags, unclaimed_document
from ledger.mongo.chunk_homes import ChunkHome
from ledger.mongo.chunk_pipelines import (
    CLAIMABLE,
    cancel_pipeline,
    claim_pipeline,
    erase_secrets,
    extend_pipeline,
    fenced_filter,
    pause_count_pipeline,
    release_pipeline,
)
from ledger.mongo.chunk_reads import ChunkReads
from ledger.mongo.connection import Database, Document, ServerClock, translated_errors
from ledger.mongo.due_chunks import DueChunk, DueChunks
from ledger.mongo.grouped_writes import GroupedInserts, GroupedUpdates
from ledger.mongo.work_documents import read_window, window_document, work_document
from schemas.statuses import Channel, Lane


class MongoChunks(ChunkReads):
    """Chunks in their collection, and in the documents of small requests."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        super().__init__(database, clock)
        self._inserts, self._closes = GroupedInserts(self._large.documents), GroupedUpdates(self._large.documents)
        self._due = DueChunks(self._homes, clock)
        self._unanswered: dict[str, DueChunk] = {}
        """Chunks that an owner tried to claim by `claim_due` without a reply."""

    @override
    async def insert(self, chunk: Chunk) -> bool:
        return not await self._inserts.insert([unclaimed_document(chunk, self._clock.now())])

    @override
    async def claim(self, chunk_id: ChunkId, claim: ClaimRequest) -> ClaimResult | None:
        """Claim together with other callers. The owner of the chunk afterwards tells whether this claim has it.

        The name of the owner belongs to this claim alone. Its lease keeps others from changing more than the control
        flags before the chunk is read, and the flags count as they are read.
        """
        for home in self._homes:
            for name in home.ids_of([chunk_id]):
                if claimed := await self._claim_by_name(home, name, claim):
                    return claimed
        return None

    @override
    async def claim_due(
        self, lane: Lane, channel: Channel, claim: ClaimRequest, *, never_claimed: bool = False
    ) -> ClaimResult | None:
        """Claim by id, together with other callers. A repeat after a lost answer asks for the same chunk first."""
        kind = (lane, channel, never_claimed)
        due = self._unanswered.pop(claim.owner, None) or await self._due.next(kind)
        while due:
            try:
                claimed = await self._claim_by_name(due.home, due.name, claim)
            except LedgerUnavailable:
                self._unanswered[claim.owner] = due
                raise
            if claimed:
                return claimed
            due = await self._due.next(kind)
        return None

    async def _claim_by_name(self, home: ChunkHome, name: str, claim: ClaimRequest) -> ClaimResult | None:
        own = {"open": True, "owner": claim.owner}
        document = await home.claims.update({"_id": name, "$or": [own, CLAIMABLE]}, claim_pipeline(claim))
        if document and document.get("open") and document["owner"] == claim.owner:
            return self._read_claim(document, claim)
        return None

    def _read_claim(self, document: Document, claim: ClaimRequest) -> ClaimResult:
        self._clock.observe(document["touched_at"])
        chunk = read_chunk(document)
        token = ClaimToken(chunk.id, claim.owner, document["fence"], claim.lease_seconds, chunk.in_request)
        return ClaimResult(chunk, token, read_window(document), document["taken_over"])

    @override
    async def renew(self, token: ClaimToken) -> ControlFlags | None:
        document = await self._update_claimed(token, {})
        return None if document is None else read_control_flags(document)

    @override
    async def advance(
        self, token: ClaimToken, work: Work, window: Window | None, erased: Collection[int] = ()
    ) -> ControlFlags | None:
        fields = {**work_document(work, window), "window": window_document(window)}
        document = await self._update_claimed(token, fields, erased)
        return None if document is None else read_control_flags(document)

    async def _update_claimed(
        self, token: ClaimToken, fields: Document, erased: Collection[int] = ()
    ) -> Document | None:
        """Write fields and extend the lease. Return the control flags, or None if another owner took over."""
        with translated_errors():
            document = await self._home(token).documents.find_one_and_update(
                {**fenced_filter(token), "open": True},
                extend_pipeline(fields, token.lease_seconds) + erase_secrets(erased),
                return_document=ReturnDocument.AFTER,
                projection={"cancelled": True, "pauses": True, "touched_at": True},
            )
        if document is not None:
            self._clock.observe(document["touched_at"])
        return document

    @override
    async def close(self, token: ClaimToken, counts: Counts, cost: Cost = NO_COST) -> bool:
        """Close the chunk. Owner and fencing token stay, so that a repeat of the call succeeds too."""
        emptied, removed = closed_document(counts, cost)
        return await self._closes.update(fenced_filter(token), {"$set": emptied, "$unset": removed})

    @override
    async def release(
        self, token: ClaimToken, work: Work, due_at: datetime | None, erased: Collection[int] = ()
    ) -> bool:
        pipeline = release_pipeline(work_document(work), due_at) + erase_secrets(erased)
        with translated_errors():
            result = await self._home(token).documents.update_one({**fenced_filter(token), "open": True}, pipeline)
        return bool(result.matched_count)

    def _home(self, token: ClaimToken) -> ChunkHome:
        return self._small if token.in_request else self._large

    @override
    async def mark_cancelled(self, key: RequestKey, part: int | None = None) -> None:
        with translated_errors():
            await self._large.documents.update_many(self._large.open_of_request(key, part), cancel_pipeline())

    @override
    async def set_pause_count(self, key: RequestKey, pauses: int, part: int | None = None) -> None:
        query = {**self._large.open_of_request(key, part), "pauses": {"$not": {"$gte": pauses}}}
        with translated_errors():
            await self._large.documents.update_many(query, pause_count_pipeline(pauses))
