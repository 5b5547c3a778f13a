"""Idempotency keys in MongoDB, one document each. The `_id` is the key of the request that the key names."""

from functools import partial

from motor.motor_asyncio import AsyncIOMotorCollection
from typing_extensions import override

from core.ids import RequestKey
from ledger.errors import LedgerUnavailable
from ledger.idempotency_record import IdempotencyRecord
from ledger.mongo.connection import Document, translated_errors
from ledger.mongo.grouped_writes import GroupedUpdatesAndReads
from ledger.ports import IdempotencyKeys


class MongoIdempotencyKeys(IdempotencyKeys):
    """Idempotency keys in the collection `idempotency_keys`."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._keys, self._inserts = collection, GroupedUpdatesAndReads(collection, upsert=True)

    @override
    async def insert_or_get(self, record: IdempotencyRecord) -> IdempotencyRecord:
        """Insert and read, together with concurrent calls. A second call changes nothing and reads what is stored."""
        decided = {
            "tenant_id": record.tenant_id,
            "key_id": record.key_id,
            "digest": record.digest,
            "accepted_at": record.accepted_at,
            "template_version": record.template_version,
        }
        change = {
            "decided": {"$ifNull": ["$decided", {"$literal": decided}]},
            "created_at": {"$ifNull": ["$created_at", "$$NOW"]},
        }
        insert = partial(self._inserts.update, {"_id": record.key}, [{"$set": change}])
        try:
            document = await insert()
        except LedgerUnavailable:  # once more, as the driver does with a lone write after a lost connection
            document = await insert()
        if document is None:
            raise AssertionError("an upsert leaves a document")
        return _read(document)

    @override
    async def get(self, key: RequestKey) -> IdempotencyRecord | None:
        with translated_errors():
            document = await self._keys.find_one({"_id": key})
        return _read(document) if document else None


def _read(document: Document) -> IdempotencyRecord:
    decided = document["decided"]
    return IdempotencyRecord(
        key=RequestKey(document["_id"]),
        tenant_id=decided["tenant_id"],
        key_id=decided["key_id"],
        digest=decided["digest"],
        accepted_at=decided["accepted_at"],
        template_version=decided.get("template_version"),
        created_at=document["created_at"],
    )
