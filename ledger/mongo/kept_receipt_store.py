"""Kept receipts in MongoDB, one document each."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import UpdateOne
from typing_extensions import override

from ledger.mongo.connection import Document, ServerClock, translated_errors
from ledger.mongo.grouped_writes import GroupedCreations
from ledger.receipt_port import KeptReceipt, KeptReceipts, pause_after


class MongoKeptReceipts(KeptReceipts):
    """Kept receipts in the collection `receipts`."""

    def __init__(self, collection: AsyncIOMotorCollection[Document], clock: ServerClock) -> None:
        self._receipts, self._clock = collection, clock
        self._creations = GroupedCreations(collection)

    @override
    async def keep(self, sealed: Mapping[str, bytes]) -> None:
        times = {"first_seen_at": "$$NOW", "next_try_at": _after(pause_after(0))}
        creations = (self._creations.create(name, {"sealed": each, "tries": 0}, times) for name, each in sealed.items())
        await asyncio.gather(*creations)

    @override
    async def claim_due(self, limit: int, lease_seconds: float) -> list[KeptReceipt]:
        """Find what is due, put the mark of this claim on what is still due, and read what has the mark."""
        claim = uuid4().hex
        due = {"next_try_at": {"$lte": self._clock.now()}}
        marked = {
            "tries": {"$add": ["$tries", 1]},
            "claim": claim,
            "next_try_at": _after(timedelta(seconds=lease_seconds)),
        }
        with translated_errors():
            found = await self._receipts.find(due, {"_id": True}).sort("next_try_at", 1).limit(limit).to_list(None)
            if not found:
                return []
            ids = {"$in": [document["_id"] for document in found]}
            await self._receipts.update_many({"_id": ids, **due}, [{"$set": marked}])
            documents = await self._receipts.find({"_id": ids, "claim": claim}).to_list(None)
        return [
            KeptReceipt(document["_id"], document["sealed"], document["first_seen_at"], document["tries"])
            for document in documents
        ]

    @override
    async def postpone(self, receipts: Sequence[KeptReceipt]) -> None:
        if not receipts:
            return
        updates = [
            UpdateOne({"_id": each.id}, [{"$set": {"next_try_at": _after(pause_after(each.tries))}}])
            for each in receipts
        ]
        with translated_errors():
            await self._receipts.bulk_write(updates, ordered=False)

    @override
    async def delete(self, ids: Collection[str]) -> None:
        if not ids:
            return
        with translated_errors():
            await self._receipts.delete_many({"_id": {"$in": list(ids)}})

    @override
    async def count(self) -> int:
        with translated_errors():
            return await self._receipts.estimated_document_count()


def _after(pause: timedelta) -> Any:
    """Return the expression of MongoDB for the time after a pause, on the clock of the server."""
    return {"$add": ["$$NOW", round(pause.total_seconds() * 1000)]}
