"""Chunks: one document each; claims, fences and leases on the server's clock (I3)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from core.chunk_work import Counts, Window, Work
from core.ids import ChunkId, RequestKey, chunk_range
from core.index_ranges import length
from ledger.models import Chunk, ClaimRequest, ClaimResult, ClaimToken, ControlFlags
from ledger.mongo.chunk_documents import (
    chunk_document,
    counts_document,
    hash_slices,
    read_chunk,
    read_counts,
    read_marks,
    read_ranges,
    read_window,
    window_document,
    work_document,
)
from ledger.mongo.connection import Document, ServerClock, translated_errors
from ledger.schedule import CANCELLED_SECONDS, NEVER, UNCLAIMED_SECONDS
from schemas.statuses import Channel, Lane, Status


class MongoChunks:
    """See ledger/ports.Chunks."""

    def __init__(self, collection: AsyncIOMotorCollection[Document], clock: ServerClock) -> None:
        self._chunks, self._clock = collection, clock
        self._unanswered: set[str] = set()
        """Owners whose claim of something due got no answer."""

    async def insert(self, chunk: Chunk) -> bool:
        """One insert; a taken id changes nothing."""
        sweep_at = chunk.due_at or self._clock.now() + timedelta(seconds=UNCLAIMED_SECONDS)
        if parked := chunk.control_flags.paused:
            sweep_at = chunk.expires_at or NEVER
        with translated_errors():
            swept = {"sweep_at": sweep_at, "parked": parked, "fresh": chunk.due_at is None}
            try:
                await self._chunks.insert_one({**chunk_document(chunk), **swept})
            except DuplicateKeyError:
                return False
        return True

    async def claim(self, chunk_id: ChunkId, claim: ClaimRequest) -> ClaimResult | None:
        """One update on one chunk."""
        mine = {"open": True, "owner": claim.owner}
        return await self._claim({"_id": chunk_id, "$or": [mine, _CLAIMABLE]}, claim)

    async def claim_due(
        self, lane: Lane, channel: Channel, claim: ClaimRequest, *, never_claimed: bool = False
    ) -> ClaimResult | None:
        """One update on the chunk that waits longest."""
        kind = {"lane": lane.value, "channel": channel.value, "open": True}
        if claim.owner in self._unanswered:  # asked before, no answer came: that claim may have taken a chunk
            with translated_errors():
                mine = await self._chunks.find_one({**kind, "owner": claim.owner}, {"_id": True})
            if mine:
                return await self.claim(ChunkId(mine["_id"]), claim)
        # One that an older version wrote has no such field.
        due = {
            **kind,
            "fresh": True if never_claimed else {"$in": [False, None]},
            "sweep_at": {"$lte": self._clock.now()},
            **_CLAIMABLE,
        }
        self._unanswered.add(claim.owner)
        claimed = await self._claim(due, claim, sort=[("sweep_at", 1)])
        self._unanswered.discard(claim.owner)
        return claimed

    async def _claim(self, which: Document, claim: ClaimRequest, **options: Any) -> ClaimResult | None:
        with translated_errors():
            found = await self._chunks.find_one_and_update(
                which,
                _claim_pipeline(claim),
                return_document=ReturnDocument.AFTER,
                projection={"lookup": False},
                **options,
            )
        if found is None:
            return None
        self._clock.observe(found["touched_at"])
        hold = ClaimToken(ChunkId(found["_id"]), claim.owner, found["fence"], claim.lease_seconds)
        return ClaimResult(read_chunk(found), hold, read_window(found["window"]), found["taken_over"])

    async def renew(self, hold: ClaimToken) -> bool:
        """Extend the lease."""
        return await self._held(hold, {}) is not None

    async def advance(self, hold: ClaimToken, work: Work, window: Window | None) -> ControlFlags | None:
        """One update: what is done, the next window as an intent, the lease; reads the marks back."""
        found = await self._held(hold, {**work_document(work), "window": window_document(window)})
        return None if found is None else read_marks(found)

    async def _held(self, hold: ClaimToken, fields: Document) -> Document | None:
        literal = {name: {"$literal": value} for name, value in fields.items()}
        with translated_errors():
            found = await self._chunks.find_one_and_update(
                {**_which(hold), "open": True},
                [{"$set": {**literal, **_lease(hold.lease_seconds)}}],
                return_document=ReturnDocument.AFTER,
                projection={"cancelled": True, "pauses": True, "touched_at": True},
            )
        if found is not None:
            self._clock.observe(found["touched_at"])
        return found

    async def close(self, hold: ClaimToken, counts: Counts) -> bool:
        """Close; owner and fence stay, so that a repeat finds its own work."""
        emptied = {**work_document(Work()), "counts": counts_document(counts), "window": None, "open": False}
        with translated_errors():
            done = await self._chunks.update_one(_which(hold), {"$set": emptied})
        return bool(done.matched_count)

    async def release(self, hold: ClaimToken, work: Work, due_at: datetime | None) -> bool:
        """Put back; who claims next finds no window."""
        left = {name: {"$literal": value} for name, value in work_document(work).items()}
        soon = {"$min": [due_at, {"$add": ["$$NOW", round(CANCELLED_SECONDS * 1000)]}]} if due_at else None
        with translated_errors():
            done = await self._chunks.update_one(
                {**_which(hold), "open": True},
                [
                    {
                        "$set": {
                            **left,
                            "owner": None,
                            "window": None,
                            "due_at": {"$cond": ["$cancelled", soon, due_at]},
                            "parked": _PAUSED,
                        }
                    },
                    {"$set": {"sweep_at": {"$cond": ["$parked", _EXPIRY, {"$ifNull": ["$due_at", "$$NOW"]}]}}},
                ],
            )
        return bool(done.matched_count)

    async def mark_cancelled(self, key: RequestKey, part: int | None = None) -> None:
        """Mark what is open; what nobody holds is due at once."""
        which: Document = {"request": key, "open": True}
        due = {"due_at": {"$cond": [_FREE, None, "$due_at"]}, "sweep_at": {"$cond": [_FREE, "$$NOW", "$sweep_at"]}}
        with translated_errors():
            await self._chunks.update_many(
                which if part is None else {**which, "part": part},
                [{"$set": {"cancelled": True, "parked": False, **due}}],
            )

    async def set_pause_count(self, key: RequestKey, pauses: int, part: int | None = None) -> None:
        """Mark what is open and has no number as high; what nobody holds is parked, or due again."""
        which: Document = {"request": key, "open": True, "pauses": {"$not": {"$gte": pauses}}}
        due_again = {"$cond": ["$parked", {"$max": ["$due_at", "$$NOW"]}, "$sweep_at"]}
        parked = {"$and": [_FREE, _PAUSED]}
        change: list[Document] = [{"$set": {"pauses": pauses}}]
        if pauses % 2:
            change += [
                {"$set": {"parked": parked}},
                {"$set": {"sweep_at": {"$cond": ["$parked", _EXPIRY, "$sweep_at"]}}},
            ]
        else:
            change += [{"$set": {"sweep_at": due_again}}, {"$set": {"parked": False}}]
        with translated_errors():
            await self._chunks.update_many(which if part is None else {**which, "part": part}, change)

    async def count_in_open_windows(self, key: RequestKey) -> int:
        """How many deliveries are in open windows."""
        which = {"request": key, "open": True, "window": {"$ne": None}}
        with translated_errors():
            found = await self._chunks.find(which, {"window.ranges": True}).to_list(None)
        return sum(length(read_ranges(document["window"]["ranges"])) for document in found)

    async def has_open(self, key: RequestKey) -> bool:
        """Whether the primary knows an open chunk."""
        with translated_errors():
            return await self._chunks.find_one({"request": key, "open": True}, {"_id": True}) is not None

    async def counts(self, key: RequestKey) -> Counts:
        """The sum over the request's chunks."""
        total, now = Counts(), self._clock.now()
        wanted = {"counts": True, "size": True, "fence": True, "due_at": True}
        with translated_errors():
            async for found in self._chunks.find(_of_request(key), wanted):
                logged = read_counts(found["counts"])
                total.update(logged)
                if waiting := found["size"] - logged.total():
                    scheduled = found["fence"] == 0 and found["due_at"] is not None and found["due_at"] > now
                    total[Status.SCHEDULED if scheduled else Status.PENDING, None] += waiting
        return total

    async def find_duplicates(self, key: RequestKey, below_part: int, hashes: Collection[bytes]) -> set[bytes]:
        """Which of the hashes stand in a lower part."""
        wanted = set(hashes)
        known: set[bytes] = set()
        which = {
            "request": key,
            "part": {"$lt": below_part},
            "lookup": {"$in": list(wanted)},
        }
        with translated_errors():
            async for found in self._chunks.find(which, {"hashes": True}):
                known.update(wanted.intersection(hash_slices(found["hashes"])))
        return known

    async def get(self, chunk_id: ChunkId) -> Chunk | None:
        """The chunk, its open window counted as its next batch."""
        with translated_errors():
            found = await self._chunks.find_one({"_id": chunk_id}, {"lookup": False})
        if found is None:
            return None
        chunk, window = read_chunk(found), read_window(found["window"])
        return replace(chunk, work=replace(chunk.work, next=window.batch)) if window else chunk

    async def get_sealed(self, ids: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        """What is sealed of each."""
        with translated_errors():
            found = await self._chunks.find({"_id": {"$in": list(ids)}}, {"sealed": True}).to_list(None)
        return {ChunkId(document["_id"]): document["sealed"] for document in found if document.get("sealed")}

    async def count_open_by_lane(self) -> Mapping[Lane, int]:
        """How many chunks are open, by lane."""
        with translated_errors():
            return {
                lane: await self._chunks.count_documents(
                    {"lane": lane.value, "channel": {"$in": [channel.value for channel in Channel]}, "open": True},
                    hint="due_of_channel",
                )
                for lane in Lane
            }


_CLAIMABLE: Document = {
    "open": True,
    "$expr": {
        "$and": [
            {"$lte": ["$due_at", "$$NOW"]},
            {"$or": [{"$ne": ["$parked", True]}, {"$lte": ["$sweep_at", "$$NOW"]}]},
        ]
    },
}
"""Open, due, not parked, and without a live lease: a claim moves due_at to the end of its lease."""
_FREE = {"$eq": ["$owner", None]}
_PAUSED = {"$and": [{"$eq": [{"$mod": [{"$ifNull": ["$pauses", 0]}, 2]}, 1]}, {"$not": ["$cancelled"]}]}
_EXPIRY = {"$ifNull": ["$expires_at", NEVER]}
"""When a parked chunk may be claimed after all: see ledger/values.Chunk."""


def _which(hold: ClaimToken) -> Document:
    return {"_id": hold.chunk_id, "owner": hold.owner, "fence": hold.fence}


def _of_request(key: RequestKey) -> Document:
    low, high = chunk_range(key)
    return {"_id": {"$gte": low, "$lt": high}}


def _lease(seconds: float) -> Document:
    end = {"$add": ["$$NOW", round(seconds * 1000)]}
    return {"due_at": end, "sweep_at": end, "touched_at": "$$NOW"}


def _claim_pipeline(claim: ClaimRequest) -> list[Document]:
    """The claim: an open window stays as it is, otherwise the next batch becomes the first window (I4)."""
    again = {"$eq": ["$owner", claim.owner]}
    open_window = {"$ne": ["$window", None]}
    first = {"$mergeObjects": ["$next", {"provider": {"$ifNull": ["$next.sticky", _pick_provider(claim)]}}]}
    return [
        {
            "$set": {
                "taken_over": {"$cond": [again, {"$ifNull": ["$taken_over", False]}, open_window]},
                "fence": {"$cond": [again, "$fence", {"$add": ["$fence", 1]}]},
                "window": {"$cond": [open_window, "$window", {"$cond": [{"$eq": ["$next", None]}, None, first]}]},
                "next": None,
                "owner": claim.owner,
                "parked": False,
                "fresh": False,
                **_lease(claim.lease_seconds),
            },
        },
    ]


def _pick_provider(claim: ClaimRequest) -> Any:
    branches = [
        {
            "case": {"$eq": ["$channel", channel.value]},
            "then": {"$arrayElemAt": [{"$literal": list(names)}, {"$mod": ["$next.attempts", len(names)]}]},
        }
        for channel, names in claim.providers.items()
        if names
    ]
    return {"$switch": {"branches": branches, "default": None}} if branches else None
