"""Templates: one document a version, whose `_id` is the template's id and the version's number."""

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument

from core.ids import template_id
from ledger.models import StoredTemplate
from ledger.mongo.connection import Document, translated_errors


class MongoTemplates:
    """See ledger/ports.Templates."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._templates = collection

    async def put(self, tenant_id: str, code: str, content: str, subject: str | None) -> StoredTemplate:
        """Take the number after the newest; who finds it taken by another text tries the one after."""
        wanted: Document = {
            "tenant_id": tenant_id,
            "code": code,
            "content": content,
            "subject": subject,
        }
        stands = await self.get(tenant_id, code)
        while stands is None or (stands.content, stands.subject) != (content, subject):
            stands = await self._take(wanted | {"version": stands.version + 1 if stands else 1})
        return stands

    async def get(self, tenant_id: str, code: str, version: int | None = None) -> StoredTemplate | None:
        """A version, by default the newest."""
        with translated_errors():
            if version is not None:
                found = await self._templates.find_one({"_id": _version_id(tenant_id, code, version)})
            else:
                found = await self._templates.find_one({"tenant_id": tenant_id, "code": code}, sort=[("version", -1)])
        return _read(found) if found else None

    async def list(self, tenant_id: str) -> list[StoredTemplate]:
        """The newest version of each template: MongoDB skips from code to code in the index, and reads one of each."""
        pipeline: list[Document] = [
            {"$match": {"tenant_id": tenant_id}},
            {"$sort": {"code": 1, "version": -1}},
            {"$group": {"_id": "$code", "newest": {"$first": "$$ROOT"}}},
            {"$sort": {"_id": 1}},
        ]
        with translated_errors():
            return [_read(found["newest"]) async for found in self._templates.aggregate(pipeline)]

    async def _take(self, document: Document) -> StoredTemplate:
        """Write a version unless its number is taken; what stands under that number."""
        name = _version_id(document["tenant_id"], document["code"], document["version"])
        absent = {"$eq": [{"$type": "$version"}, "missing"]}
        written = {"$mergeObjects": [{"$literal": {"_id": name, **document}}, {"created_at": "$$NOW"}]}
        with translated_errors():
            found = await self._templates.find_one_and_update(
                {"_id": name},
                [{"$replaceWith": {"$cond": [absent, written, "$$ROOT"]}}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return _read(found)


def _version_id(tenant_id: str, code: str, version: int) -> str:
    return f"{template_id(tenant_id, code)}.{version}"


def _read(document: Document) -> StoredTemplate:
    return StoredTemplate(
        id=template_id(document["tenant_id"], document["code"]),
        tenant_id=document["tenant_id"],
        code=document["code"],
        version=document["version"],
        content=document["content"],
        subject=document["subject"],
        created_at=document["created_at"],
    )
