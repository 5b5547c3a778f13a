"""Erasure and deletion of old requests in MongoDB, oldest first, in bounded batches."""

from datetime import timedelta

from typing_extensions import override

from core.ids import RequestKey, chunk_range, log_range
from ledger.mongo.connection import Database, Document, ServerClock, translated_errors
from ledger.ports import Retention


class MongoRetention(Retention):
    """Erasure and deletion of old requests in MongoDB."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        self._requests, self._chunks = database["requests"], database["chunks"]
        self._logs, self._clock = database["communication_logs"], clock

    @override
    async def erase(self, *, after: timedelta, limit: int) -> int:
        """Erase the text of the request last, with its chunk if it is small. Until then the query finds it again."""
        with translated_errors():
            key = await self._oldest({"head.sealed_text": {"$exists": True}}, after, "erasable")
            if key is None:
                return 0
            low, high = chunk_range(key)
            query = {"_id": {"$gte": low, "$lt": high}, "open": False, "sealed": {"$exists": True}}
            documents = await self._chunks.find(query, {"_id": True}).limit(limit).to_list(None)
            if documents:
                ids = [document["_id"] for document in documents]
                result = await self._chunks.update_many(
                    {"_id": {"$in": ids}}, {"$unset": {"sealed": "", "sealed_secrets": ""}}
                )
                return result.modified_count or 1
            erased = ("head.sealed_text", "head.sealed_secrets", "sealed", "sealed_secrets")
            await self._requests.update_one({"_id": key}, {"$unset": dict.fromkeys(erased, "")})
            return 1

    @override
    async def delete(self, *, after: timedelta, limit: int) -> int:
        """Delete the request last. Until then the query finds it again."""
        with translated_errors():
            key = await self._oldest({}, after, "completed")
            if key is None:
                return 0
            for collection, (low, high) in ((self._logs, log_range(key)), (self._chunks, chunk_range(key))):
                query = {"_id": {"$gte": low, "$lt": high}}
                documents = await collection.find(query, {"_id": True}).sort("_id", 1).limit(limit).to_list(None)
                if documents:
                    batch = {"$gte": documents[0]["_id"], "$lte": documents[-1]["_id"]}
                    return (await collection.delete_many({"_id": batch})).deleted_count or 1
            await self._requests.delete_one({"_id": key})
            return 1

    async def _oldest(self, condition: Document, after: timedelta, index: str) -> RequestKey | None:
        before = self._clock.now() - after
        document = await self._requests.find_one(
            {**condition, "announced": True, "completion.completed_at": {"$lte": before}},
            {"_id": True},
            sort=[("completion.completed_at", 1)],
            hint=index,
        )
        return RequestKey(document["_id"]) if document else None
