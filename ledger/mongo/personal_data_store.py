"""Erasure of the data of a person in MongoDB. The values that stay are written by the caller."""

from collections.abc import Sequence

from pymongo import UpdateOne
from typing_extensions import override

from core.chunk_work import Work
from core.ids import ChunkId, LogId, RequestKey, chunk_id, chunk_range, position
from ledger.models import Chunk
from ledger.mongo.chunk_documents import hash_slices, read_chunk
from ledger.mongo.connection import Database, Document, translated_errors
from ledger.mongo.work_documents import OPTIONAL_WORK_FIELDS, read_window, work_document
from ledger.personal_data_port import PersonalData, Pseudonym, StoredChunk

_WITHOUT_TEXT = {"head.sealed_text": False, "head.sealed_secrets": False}
_SEALED = {"sealed": "", "sealed_secrets": "", "references": ""}
_OF_LOG = dict.fromkeys(("reference", "provider_message_id", "response", "error", "as_logged.error"), "")
"""Fields of a log that the caller or the provider may have written about the recipient."""


class MongoPersonalData(PersonalData):
    """Erasure in the collections `requests`, `chunks` and `communication_logs`."""

    def __init__(self, database: Database) -> None:
        self._requests, self._chunks = database["requests"], database["chunks"]
        self._logs = database["communication_logs"]

    @override
    async def read_chunk(self, log_id: LogId) -> StoredChunk | None:
        place = position(log_id)
        if place is None:
            return None
        key, part, index = place
        with translated_errors():
            document = await self._requests.find_one({"_id": key, "open": {"$exists": True}}, _WITHOUT_TEXT)
            if document is None:
                ids = {"$gte": chunk_id(key, part, 0), "$lte": chunk_id(key, part, index)}
                document = await self._chunks.find_one({"_id": ids}, {"lookup": False}, sort=[("_id", -1)])
        if document is None:
            return None
        is_owned = document["owner"] is not None
        return StoredChunk(read_chunk(document), read_window(document), document["open"], is_owned, document["fence"])

    @override
    async def replace_recipients(self, stored: StoredChunk, erased: Chunk, work: Work | None) -> bool:
        chunk = stored.chunk
        collection = self._requests if chunk.in_request else self._chunks
        same: Document = {
            "_id": chunk.key if chunk.in_request else chunk.id,
            "hashes": chunk.hashes,
            "sealed": {"$exists": bool(chunk.sealed)},
        }
        if work is not None:
            same |= {"open": True, "owner": None, "fence": stored.fence}
        with translated_errors():
            result = await collection.update_one(same, _change(chunk, erased, work))
        return result.matched_count == 1

    @override
    async def erase_chunks(
        self, key: RequestKey, pseudonym: Pseudonym, after: ChunkId | None, limit: int
    ) -> ChunkId | None:
        low, high = chunk_range(key)
        of_request = {"_id": {"$gt": after or low, "$lt": high}, "open": False}
        with translated_errors():
            if after is None:
                small = await self._requests.find_one({"_id": key, "open": False}, {"size": True})
                if small:
                    await self._requests.update_one({"_id": key}, _erasure(small, pseudonym))
                    return None
            fields = {"size": True, "searchable": True}
            found = await self._chunks.find(of_request, fields).sort("_id", 1).limit(limit).to_list(None)
            if found:
                updates = [UpdateOne({"_id": each["_id"]}, _erasure(each, pseudonym)) for each in found]
                await self._chunks.bulk_write(updates, ordered=False)
        return found[-1]["_id"] if len(found) == limit else None

    @override
    async def erase_texts(self, key: RequestKey) -> None:
        erased = dict.fromkeys(("head.sealed_text", "head.sealed_secrets", "head.correlation_id"), "")
        with translated_errors():
            await self._requests.update_one({"_id": key}, {"$unset": erased})

    @override
    async def erase_logs(self, ids: Sequence[LogId], pseudonym: Pseudonym, user: str | None = None) -> int:
        kept: Document = {"recipient": pseudonym.text, "recipient_hash": pseudonym.hash}
        if user is not None:
            kept["user_id"] = user
        with translated_errors():
            result = await self._logs.update_many({"_id": {"$in": list(ids)}}, {"$set": kept, "$unset": _OF_LOG})
        return result.matched_count

    @override
    async def replace_user(self, key: RequestKey, user: str) -> None:
        with translated_errors():
            await self._requests.update_one({"_id": key}, {"$set": {"head.user_id": user}})


def _change(stored: Chunk, erased: Chunk, work: Work | None) -> Document:
    """Return the update of a chunk that becomes another one, with other work if it is given."""
    kept: Document = {"masked": list(erased.masked), "hashes": erased.hashes}
    removed = [f"sealed_secrets.{index}" for index in stored.sealed_secrets.keys() - erased.sealed_secrets.keys()]
    if erased.sealed:
        kept["sealed"] = erased.sealed
    if erased.references is not None:
        kept["references"] = list(erased.references)
    else:
        removed.append("references")
    if stored.searchable:
        kept["lookup"] = hash_slices(erased.hashes)
    if work is not None:
        fields = work_document(work)
        kept |= fields
        removed += [name for name in OPTIONAL_WORK_FIELDS if name not in fields]
    return {"$set": kept, **({"$unset": dict.fromkeys(removed, "")} if removed else {})}


def _erasure(document: Document, pseudonym: Pseudonym) -> Document:
    """Return the update that erases all recipients of a closed chunk."""
    size = document["size"]
    kept: Document = {"masked": [pseudonym.text] * size, "hashes": pseudonym.hash * size}
    if document.get("searchable"):
        kept["lookup"] = [pseudonym.hash]
    return {"$set": kept, "$unset": _SEALED}
