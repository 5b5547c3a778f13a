"""Idempotency keys: one document each, whose `_id` is the key of the request that it names."""

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument

from core.ids import RequestKey
from ledger.models import IdempotencyRecord
from ledger.mongo.connection import Document, translated_errors


class MongoIdempotencyKeys:
    """See ledger/ports.Keys."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._keys = collection

    async def insert_or_get(self, taken: IdempotencyRecord) -> IdempotencyRecord:
        """One write: who comes second changes nothing, and reads what a majority has."""
        decided = {
            "tenant_id": taken.tenant_id,
            "key_id": taken.key_id,
            "digest": taken.digest,
            "accepted_at": taken.accepted_at,
            "template_version": taken.template_version,
        }
        change = {
            "decided": {"$ifNull": ["$decided", {"$literal": decided}]},
            "created_at": {"$ifNull": ["$created_at", "$$NOW"]},
        }
        with translated_errors():
            found = await self._keys.find_one_and_update(
                {"_id": taken.key}, [{"$set": change}], upsert=True, return_document=ReturnDocument.AFTER
            )
        return _read(found)

    async def get(self, key: RequestKey) -> IdempotencyRecord | None:
        """What stands under a key, as the primary has it."""
        with translated_errors():
            found = await self._keys.find_one({"_id": key})
        return _read(found) if found else None


def _read(document: Document) -> IdempotencyRecord:
    decided = document["decided"]
    return IdempotencyRecord(
        key=RequestKey(document["_id"]),
        tenant_id=decided["tenant_id"],
        key_id=decided["key_id"],
        digest=decided["digest"],
        accepted_at=decided["accepted_at"],
        template_version=decided["template_version"],
        created_at=document["created_at"],
    )
