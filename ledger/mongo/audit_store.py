"""Audit log in MongoDB, which deletes old entries."""

from collections.abc import Mapping
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorCollection
from typing_extensions import override

from ledger.audit_port import AuditAction, AuditEntry, AuditLog
from ledger.mongo.connection import Document, translated_errors


class MongoAuditLog(AuditLog):
    """Entries in the collection `audit`."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._entries = collection

    @override
    async def add(self, entry: AuditEntry) -> None:
        fields = {
            "tenant_id": entry.tenant_id,
            "action": entry.action.value,
            "actor": entry.actor,
            "person": entry.person,
            "at": entry.at,
        }
        with translated_errors():
            await self._entries.update_one({"_id": entry.id}, {"$setOnInsert": fields}, upsert=True)

    @override
    async def complete(self, entry_id: str, counts: Mapping[str, int], done_at: datetime) -> None:
        with translated_errors():
            await self._entries.update_one({"_id": entry_id}, {"$set": {"counts": dict(counts), "done_at": done_at}})

    @override
    async def list(self, tenant_id: str, limit: int, before: datetime | None = None) -> list[AuditEntry]:
        query: Document = {"tenant_id": tenant_id, **({"at": {"$lt": before}} if before else {})}
        with translated_errors():
            documents = await self._entries.find(query).sort([("at", -1), ("_id", -1)]).limit(limit).to_list(None)
        return list(map(_entry, documents))


def _entry(document: Document) -> AuditEntry:
    return AuditEntry(
        id=document["_id"],
        tenant_id=document["tenant_id"],
        action=AuditAction(document["action"]),
        actor=document["actor"],
        person=document["person"],
        at=document["at"],
        counts=document.get("counts", {}),
        done_at=document.get("done_at"),
    )
