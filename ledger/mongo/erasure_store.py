"""Orders to erase data in MongoDB. `due_at` and the target are absent in those that are finished."""

from collections.abc import Collection
from datetime import datetime, timedelta

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument
from typing_extensions import override

from ledger.erasure_port import Erasure, Erasures, ErasureTarget
from ledger.mongo.connection import Document, ServerClock, translated_errors

_TARGET = ("user_id", "hashes")


class MongoErasures(Erasures):
    """Orders in the collection `erasures`."""

    def __init__(self, collection: AsyncIOMotorCollection[Document], clock: ServerClock) -> None:
        self._erasures, self._clock = collection, clock

    @override
    async def start(self, erasure: Erasure) -> None:
        document = {
            "tenant_id": erasure.tenant_id,
            "before": erasure.before,
            "audit_id": erasure.audit_id,
            "counts": {},
            **_open_fields(erasure.target, self._clock.now(), erasure.last_pass_at),
        }
        with translated_errors():
            await self._erasures.replace_one({"_id": erasure.id}, document, upsert=True)

    @override
    async def find(self, ids: Collection[str]) -> dict[str, datetime]:
        with translated_errors():
            found = await self._erasures.find({"_id": {"$in": list(ids)}}, {"before": True}).to_list(None)
        return {each["_id"]: each["before"] for each in found}

    @override
    async def find_since(self, tenant_id: str, accepted_at: datetime, limit: int) -> set[str]:
        query = {"tenant_id": tenant_id, "before": {"$gte": accepted_at}}
        with translated_errors():
            found = await self._erasures.find(query, {"_id": True}).limit(limit).to_list(None)
        return {each["_id"] for each in found}

    @override
    async def reopen(self, erasure_id: str, target: ErasureTarget, due_at: datetime, last_pass_at: datetime) -> None:
        finished = {"_id": erasure_id, "gone_at": {"$exists": True}}
        change = {"$set": _open_fields(target, due_at, last_pass_at), "$unset": {"gone_at": ""}}
        with translated_errors():
            await self._erasures.update_one(finished, change)

    @override
    async def take_due(self, lease_seconds: float) -> Erasure | None:
        now = self._clock.now()
        with translated_errors():
            document = await self._erasures.find_one_and_update(
                {"due_at": {"$lte": now}},
                {"$set": {"due_at": now + timedelta(seconds=lease_seconds)}},
                sort=[("due_at", 1)],
                return_document=ReturnDocument.AFTER,
            )
        return _erasure(document) if document else None

    @override
    async def postpone(self, erasure: Erasure, due_at: datetime) -> bool:
        changed = {"due_at": due_at, "tries": erasure.tries, "counts": dict(erasure.counts)}
        with translated_errors():
            result = await self._erasures.update_one({**_same(erasure), "due_at": {"$exists": True}}, {"$set": changed})
        return result.matched_count == 1

    @override
    async def finish(self, erasure: Erasure) -> bool:
        removed = dict.fromkeys((*_TARGET, "due_at", "last_pass_at", "tries"), "")
        changed = {"counts": dict(erasure.counts), "gone_at": self._clock.now()}
        with translated_errors():
            result = await self._erasures.update_one(_same(erasure), {"$set": changed, "$unset": removed})
        return result.matched_count == 1


def _same(erasure: Erasure) -> Document:
    """Return the filter of an order that no newer one has replaced."""
    return {"_id": erasure.id, "audit_id": erasure.audit_id}


def _open_fields(target: ErasureTarget, due_at: datetime, last_pass_at: datetime) -> Document:
    searched: Document = {"hashes": sorted(target.hashes)} if target.user_id is None else {"user_id": target.user_id}
    return {**searched, "due_at": due_at, "last_pass_at": last_pass_at, "tries": 0}


def _erasure(document: Document) -> Erasure:
    return Erasure(
        id=document["_id"],
        tenant_id=document["tenant_id"],
        before=document["before"],
        target=ErasureTarget(document.get("user_id"), frozenset(document.get("hashes", ()))),
        audit_id=document["audit_id"],
        last_pass_at=document["last_pass_at"],
        tries=document["tries"],
        counts=document["counts"],
    )
