"""MongoDB commands of the ceiling. They equal the product's, in its order and with its write concern."""

import os
from typing import Any

os.environ.setdefault("MOTOR_MAX_WORKERS", "32")  # as in the product, and read when Motor is imported

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import ReturnDocument
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from bench.documents import ChunkReady, Document, PartReady, RequestReady

LEASE_MS = 30_000
_LEASE_END = {"$add": ["$$NOW", LEASE_MS]}
_LEASE = {"due_at": _LEASE_END, "sweep_at": _LEASE_END, "touched_at": "$$NOW"}


_OPTIONAL = ("tried", "refused", "without_key", "accepted_pending", "cost", "doubts")
"""Fields of a chunk that are absent without a value."""


class Commands:
    """MongoDB commands, one per method."""

    def __init__(self, url: str, database: str) -> None:
        self._client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(url, tz_aware=True, retryWrites=True)
        stored = self._client.get_database(
            database,
            codec_options=CodecOptions(tz_aware=True),
            read_concern=ReadConcern("local"),
            write_concern=WriteConcern(w="majority", j=True),
        )
        self._requests, self._chunks, self._logs = stored["requests"], stored["chunks"], stored["communication_logs"]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    async def ping(self) -> None:
        """Connect."""
        await self._client.admin.command("ping")

    async def begin(self, request: RequestReady, part: PartReady) -> None:
        """Create the request, or add one more part to it."""
        await self._requests.find_one_and_update(
            {"_id": request.key},
            _begin(request, part),
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )

    async def duplicates(self, request: RequestReady, part: PartReady, chunk: ChunkReady) -> None:
        """Search for a chunk's addresses in lower parts."""
        query = {
            "request": request.key,
            "part": {"$lt": part.number},
            "lookup": {"$in": chunk.hashes},
        }
        await self._chunks.find(query, {"hashes": True}).to_list(None)

    async def insert_chunk(self, chunk: ChunkReady) -> None:
        """Write a chunk."""
        await self._chunks.insert_one(dict(chunk.document))

    async def marks(self, request: RequestReady) -> None:
        """Read the control flags of the request."""
        await self._requests.find_one({"_id": request.key}, {"cancelled": True, "pauses": True})

    async def count(self, request: RequestReady, part: PartReady) -> None:
        """Mark a part as expanded."""
        await self._requests.find_one_and_update(
            {"_id": request.key}, {"$addToSet": {"counted": part.number}}, return_document=ReturnDocument.AFTER
        )

    async def all_counted(self, request: RequestReady) -> bool:
        """Return whether every part is expanded and the request is not completed yet."""
        document = await self._requests.find_one({"_id": request.key})
        return bool(document and document["completion"] is None and len(document["counted"]) == len(request.parts))

    async def claim(self, chunk: ChunkReady, owner: str) -> int | None:
        """Claim a chunk and record its first window. Return the fence, or None."""
        again, opened = {"$eq": ["$owner", owner]}, {"$ne": ["$window", None]}
        document = await self._chunks.find_one_and_update(
            {"_id": chunk.id, "$or": [{"open": True, "owner": owner}, _CLAIMABLE]},
            [
                {
                    "$set": {
                        "taken_over": {"$cond": [again, {"$ifNull": ["$taken_over", False]}, opened]},
                        "fence": {"$cond": [again, "$fence", {"$add": ["$fence", 1]}]},
                        "window": {"$cond": [opened, "$window", _FIRST_WINDOW]},
                        "next": None,
                        "owner": owner,
                        "parked": False,
                        **_LEASE,
                    }
                }
            ],
            projection={"lookup": False},
            return_document=ReturnDocument.AFTER,
        )
        return int(document["fence"]) if document else None

    async def insert_logs(self, logs: list[Document]) -> None:
        """Write a window's logs."""
        await self._logs.insert_many(logs, ordered=False)

    async def advance(self, chunk: ChunkReady, owner: str, fence: int, fields: Document) -> None:
        """Write the finished deliveries and the next window."""
        literal: Document = {name: {"$literal": value} for name, value in fields.items()}
        literal |= dict.fromkeys(_OPTIONAL, "$$REMOVE")
        await self._chunks.find_one_and_update(
            {"_id": chunk.id, "owner": owner, "fence": fence, "open": True},
            [{"$set": {**literal, **_LEASE}}],
            projection={"cancelled": True, "pauses": True, "touched_at": True},
            return_document=ReturnDocument.AFTER,
        )

    async def close_chunk(self, chunk: ChunkReady, owner: str, fence: int) -> None:
        """Close a chunk with its counts."""
        emptied: Document = {"next": None, "todo": [], "later": [], "decided": [], "unacked": [], "window": None}
        change: Document = {
            "$set": {**emptied, "counts": chunk.counts, "open": False},
            "$unset": dict.fromkeys((*_OPTIONAL, "sealed_secrets"), ""),
        }
        await _update(self._chunks, {"_id": chunk.id, "owner": owner, "fence": fence}, change)

    async def any_open(self, request: RequestReady) -> bool:
        """Return whether a chunk of the request is open."""
        return await self._chunks.find_one({"request": request.key, "open": True}, {"_id": True}) is not None

    async def complete(self, request: RequestReady) -> bool:
        """Add up the chunks and store the completion. Return False if another process stored it."""
        query = {"_id": {"$gte": f"chk_{request.key}", "$lt": f"chk_{request.key}~"}}
        fields = {"counts": True, "size": True, "fence": True, "due_at": True}
        total = sum([chunk["counts"]["sent"] async for chunk in self._chunks.find(query, fields)])
        stored: dict[str, Any] = {
            "completed_at": "$$NOW",
            "total": {"$literal": total},
            "by_status": {"$literal": {"sent": total}},
            "by_reason": {"$literal": {}},
            "incomplete": "$cut",
        }
        document = await self._requests.find_one_and_update(
            {"_id": request.key, "completion": None},
            [{"$set": {"completion": stored, "head.sealed_secrets": "$$REMOVE"}}],
            return_document=ReturnDocument.AFTER,
        )
        return document is not None

    async def announced(self, request: RequestReady) -> None:
        """Mark the completion as published."""
        await _update(self._requests, {"_id": request.key}, {"$set": {"announced": True}})


async def _update(collection: AsyncIOMotorCollection[Document], query: Document, change: Document) -> None:
    """Update one document with the command itself, as the product does (ledger/mongo/grouped_writes.py)."""
    await collection.database.command(
        {
            "update": collection.name,
            "updates": [{"q": query, "u": change}],
            "ordered": False,
            "writeConcern": collection.write_concern.document,
        }
    )


_CLAIMABLE: Document = {
    "open": True,
    "$expr": {
        "$and": [
            {"$lte": ["$due_at", "$$NOW"]},
            {"$or": [{"$ne": ["$parked", True]}, {"$lte": ["$sweep_at", "$$NOW"]}]},
        ]
    },
}
_FIRST_WINDOW = {
    "$cond": [
        {"$eq": ["$next", None]},
        None,
        {"$mergeObjects": ["$next", {"provider": {"$ifNull": ["$next.provider", "$next.sticky"]}}]},
    ]
}


def _begin(request: RequestReady, part: PartReady) -> list[Document]:
    number, name = part.number, f"parts.{part.number}"
    last_part, highest = {"$ifNull": ["$last_part", None]}, {"$ifNull": ["$highest", -1]}
    begun = {"$ne": [{"$type": f"${name}"}, "missing"]}
    late = {"$or": [{"$eq": ["$cut", True]}, {"$and": [{"$ne": [last_part, None]}, {"$lt": [last_part, number]}]}]}
    second: Any = {"$or": [{"$ne": [last_part, None]}, {"$gt": [highest, number]}]} if part.last else False
    return [
        {"$set": {"taken": {"$and": [{"$not": [begun]}, {"$not": [late]}, {"$not": [second]}]}}},
        {
            "$set": {
                "head": {"$ifNull": ["$head", {"$literal": request.head}]},
                name: {"$cond": ["$taken", {"$literal": part.written}, {"$ifNull": [f"${name}", "$$REMOVE"]}]},
                "highest": {"$cond": ["$taken", {"$max": [highest, number]}, highest]},
                "last_part": {"$cond": [{"$and": ["$taken", part.last]}, number, last_part]},
                "begun_at": {"$cond": ["$taken", "$$NOW", {"$ifNull": ["$begun_at", "$$NOW"]}]},
                "looked_at": {"$ifNull": ["$looked_at", "$$NOW"]},
                "counted": {"$ifNull": ["$counted", []]},
                **{mark: {"$ifNull": [f"${mark}", False]} for mark in ("cancelled", "cut", "announced")},
                "completion": {"$ifNull": ["$completion", None]},
                "pauses": {"$ifNull": ["$pauses", 0]},
            }
        },
        {"$unset": "taken"},
    ]
