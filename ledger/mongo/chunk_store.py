"""Chunks in MongoDB, one document each. Claims, fencing tokens and leases follow the clock of the server (I3)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument
from typing_extensions import override

from core.chunk_work import Counts, Window, Work
from core.ids import ChunkId, RequestKey, chunk_range
from core.index_ranges import length
from ledger.chunk_port import Chunks, DueKind
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.errors import LedgerUnavailable
from ledger.models import Chunk, ControlFlags
from ledger.mongo.chunk_documents import (
    chunk_document,
    counts_document,
    hash_slices,
    read_chunk,
    read_control_flags,
    read_counts,
    read_ranges,
    read_window,
    window_document,
    work_document,
)
from ledger.mongo.chunk_pipelines import (
    CLAIMABLE,
    OPTIONAL_WORK_FIELDS,
    cancel_pipeline,
    claim_pipeline,
    erase_secrets,
    extend_pipeline,
    fenced_filter,
    open_chunks_filter,
    pause_count_pipeline,
    release_pipeline,
)
from ledger.mongo.connection import Document, ServerClock, translated_errors
from ledger.mongo.due_chunks import due_filter, find_due_kinds
from ledger.mongo.grouped_writes import GroupedInserts, GroupedUpdates, GroupedUpdatesAndReads
from ledger.sweep_delays import NEVER, UNCLAIMED_SECONDS
from schemas.statuses import Channel, Lane, Status


class MongoChunks(Chunks):
    """Chunks in the collection `chunks`."""

    def __init__(self, collection: AsyncIOMotorCollection[Document], clock: ServerClock) -> None:
        self._chunks, self._clock = collection, clock
        self._inserts, self._closes = GroupedInserts(collection), GroupedUpdates(collection)
        self._claims = GroupedUpdatesAndReads(collection, projection=_CLAIMED)
        self._unanswered: set[str] = set()
        """Owners whose call of `claim_due` got no reply."""

    @override
    async def insert(self, chunk: Chunk) -> bool:
        sweep_at = chunk.due_at or self._clock.now() + timedelta(seconds=UNCLAIMED_SECONDS)
        if parked := chunk.control_flags.paused:
            sweep_at = chunk.expires_at or NEVER
        swept = {"sweep_at": sweep_at, "parked": parked, "fresh": chunk.due_at is None}
        return not await self._inserts.insert([{**chunk_document(chunk), **swept}])

    @override
    async def claim(self, chunk_id: ChunkId, claim: ClaimRequest) -> ClaimResult | None:
        """Claim together with other callers. The owner of the chunk afterwards tells whether this claim has it.

        The name of the owner belongs to this claim alone. Its lease keeps others from changing more than the control
        flags before the chunk is read, and the flags count as they are read.
        """
        own = {"open": True, "owner": claim.owner}
        query = {"_id": chunk_id, "$or": [own, CLAIMABLE]}
        document = await self._claims.update(query, claim_pipeline(claim))
        if document is None or document["owner"] != claim.owner or not document["open"]:
            return None
        return self._read_claim(document, claim)

    @override
    async def find_due(self) -> Collection[DueKind]:
        with translated_errors():
            return await find_due_kinds(self._chunks, self._clock.now())

    @override
    async def claim_due(
        self, lane: Lane, channel: Channel, claim: ClaimRequest, *, never_claimed: bool = False
    ) -> ClaimResult | None:
        """Claim with one update. If the previous call of this owner got no reply, look first for its chunk."""
        own = {"lane": lane.value, "channel": channel.value, "open": True, "owner": claim.owner}
        is_repeat = claim.owner in self._unanswered
        self._unanswered.discard(claim.owner)
        try:
            with translated_errors():
                claimed = await self._chunks.find_one(own, {"_id": True}) if is_repeat else None
            if claimed:
                return await self.claim(ChunkId(claimed["_id"]), claim)
            due = due_filter(lane, channel, self._clock.now(), never_claimed=never_claimed)
            return await self._claim({**due, **CLAIMABLE}, claim, sort=[("sweep_at", 1)])
        except LedgerUnavailable:
            self._unanswered.add(claim.owner)
            raise

    async def _claim(self, query: Document, claim: ClaimRequest, **options: Any) -> ClaimResult | None:
        with translated_errors():
            document = await self._chunks.find_one_and_update(
                query,
                claim_pipeline(claim),
                return_document=ReturnDocument.AFTER,
                projection=_CLAIMED,
                **options,
            )
        return self._read_claim(document, claim) if document else None

    def _read_claim(self, document: Document, claim: ClaimRequest) -> ClaimResult:
        self._clock.observe(document["touched_at"])
        token = ClaimToken(ChunkId(document["_id"]), claim.owner, document["fence"], claim.lease_seconds)
        return ClaimResult(read_chunk(document), token, read_window(document), document["taken_over"])

    @override
    async def renew(self, token: ClaimToken) -> bool:
        return await self._update_claimed(token, {}) is not None

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
            document = await self._chunks.find_one_and_update(
                {**fenced_filter(token), "open": True},
                extend_pipeline(fields, token.lease_seconds) + erase_secrets(erased),
                return_document=ReturnDocument.AFTER,
                projection={"cancelled": True, "pauses": True, "touched_at": True},
            )
        if document is not None:
            self._clock.observe(document["touched_at"])
        return document

    @override
    async def close(self, token: ClaimToken, counts: Counts) -> bool:
        """Close the chunk. Owner and fencing token stay, so that a repeat of the call succeeds too."""
        emptied = {**work_document(Work()), "counts": counts_document(counts), "window": None, "open": False}
        removed = dict.fromkeys((*OPTIONAL_WORK_FIELDS, "sealed_secrets"), "")
        return await self._closes.update(fenced_filter(token), {"$set": emptied, "$unset": removed})

    @override
    async def release(
        self, token: ClaimToken, work: Work, due_at: datetime | None, erased: Collection[int] = ()
    ) -> bool:
        pipeline = release_pipeline(work_document(work), due_at) + erase_secrets(erased)
        with translated_errors():
            result = await self._chunks.update_one({**fenced_filter(token), "open": True}, pipeline)
        return bool(result.matched_count)

    @override
    async def mark_cancelled(self, key: RequestKey, part: int | None = None) -> None:
        with translated_errors():
            await self._chunks.update_many(open_chunks_filter(key, part), cancel_pipeline())

    @override
    async def set_pause_count(self, key: RequestKey, pauses: int, part: int | None = None) -> None:
        query = {**open_chunks_filter(key, part), "pauses": {"$not": {"$gte": pauses}}}
        with translated_errors():
            await self._chunks.update_many(query, pause_count_pipeline(pauses))

    @override
    async def count_in_open_windows(self, key: RequestKey) -> int:
        query = {"request": key, "open": True, "window": {"$ne": None}}
        with translated_errors():
            documents = await self._chunks.find(query, {"window.ranges": True}).to_list(None)
        return sum(length(read_ranges(document["window"]["ranges"])) for document in documents)

    @override
    async def has_open(self, key: RequestKey) -> bool:
        with translated_errors():
            return await self._chunks.find_one({"request": key, "open": True}, {"_id": True}) is not None

    @override
    async def counts(self, key: RequestKey) -> Counts:
        total, now = Counts(), self._clock.now()
        low, high = chunk_range(key)
        query = {"_id": {"$gte": low, "$lt": high}}
        with translated_errors():
            async for document in self._chunks.find(
                query, {"counts": True, "size": True, "fence": True, "due_at": True}
            ):
                logged = read_counts(document["counts"])
                total.update(logged)
                if waiting := document["size"] - logged.total():
                    due_at = document["due_at"]
                    scheduled = document["fence"] == 0 and due_at is not None and due_at > now
                    total[Status.SCHEDULED if scheduled else Status.PENDING, None] += waiting
        return total

    @override
    async def find_duplicates(self, key: RequestKey, below_part: int, hashes: Collection[bytes]) -> set[bytes]:
        candidates = set(hashes)
        duplicates: set[bytes] = set()
        query = {
            "request": key,
            "part": {"$lt": below_part},
            "lookup": {"$in": list(candidates)},
        }
        with translated_errors():
            async for document in self._chunks.find(query, {"hashes": True}):
                duplicates.update(candidates.intersection(hash_slices(document["hashes"])))
        return duplicates

    @override
    async def get(self, chunk_id: ChunkId) -> Chunk | None:
        with translated_errors():
            document = await self._chunks.find_one({"_id": chunk_id}, {"lookup": False})
        if document is None:
            return None
        chunk, window = read_chunk(document), read_window(document)
        return replace(chunk, work=replace(chunk.work, next=window.batch)) if window else chunk

    @override
    async def get_sealed(self, ids: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        with translated_errors():
            documents = await self._chunks.find({"_id": {"$in": list(ids)}}, {"sealed": True}).to_list(None)
        return {ChunkId(document["_id"]): document["sealed"] for document in documents if document.get("sealed")}

    @override
    async def count_open_by_lane(self) -> Mapping[Lane, int]:
        """Count with the index of the sweeper, which needs all channels in the query."""
        with translated_errors():
            return {
                lane: await self._chunks.count_documents(
                    {"lane": lane.value, "channel": {"$in": [channel.value for channel in Channel]}, "open": True},
                    hint="due_of_channel",
                )
                for lane in Lane
            }


_CLAIMED = {"lookup": False}
"""Projection of a chunk for its new owner."""
