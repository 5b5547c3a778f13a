"""What is past its time: erased, or deleted, oldest requests first, in bounded batches."""

from datetime import timedelta

from core.ids import RequestKey, chunk_range, log_range
from ledger.mongo.connection import Database, Document, ServerClock, translated_errors


class MongoRetention:
    """See ledger/ports.Retention."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        self._requests, self._chunks = database["requests"], database["chunks"]
        self._logs, self._clock = database["communication_logs"], clock

    async def erase(self, *, after: timedelta, limit: int) -> int:
        """The request's text comes last: while it stands, the request is found again."""
        with translated_errors():
            key = await self._oldest({"head.sealed_text": {"$exists": True}}, after, "erasable")
            if key is None:
                return 0
            low, high = chunk_range(key)
            which = {"_id": {"$gte": low, "$lt": high}, "open": False, "sealed": {"$exists": True}}
            found = await self._chunks.find(which, {"_id": True}).limit(limit).to_list(None)
            if found:
                ids = [document["_id"] for document in found]
                done = await self._chunks.update_many({"_id": {"$in": ids}}, {"$unset": {"sealed": ""}})
                return done.modified_count or 1
            await self._requests.update_one({"_id": key}, {"$unset": {"head.sealed_text": ""}})
            return 1

    async def delete(self, *, after: timedelta, limit: int) -> int:
        """The request goes last: while it stands, it is found again."""
        with translated_errors():
            key = await self._oldest({}, after, "completed")
            if key is None:
                return 0
            for collection, (low, high) in ((self._logs, log_range(key)), (self._chunks, chunk_range(key))):
                which = {"_id": {"$gte": low, "$lt": high}}
                found = await collection.find(which, {"_id": True}).sort("_id", 1).limit(limit).to_list(None)
                if found:
                    batch = {"$gte": found[0]["_id"], "$lte": found[-1]["_id"]}
                    return (await collection.delete_many({"_id": batch})).deleted_count or 1
            await self._requests.delete_one({"_id": key})
            return 1

    async def _oldest(self, which: Document, after: timedelta, index: str) -> RequestKey | None:
        before = self._clock.now() - after
        found = await self._requests.find_one(
            {**which, "announced": True, "completion.completed_at": {"$lte": before}},
            {"_id": True},
            sort=[("completion.completed_at", 1)],
            hint=index,
        )
        return RequestKey(found["_id"]) if found else None
