"""Templates in MongoDB, one document for each version. The `_id` is the id of the template and the version number."""

from collections.abc import Sequence

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument
from typing_extensions import override

from core.ids import template_id
from core.vendor_template import NO_VENDOR_TEMPLATES, VendorTemplates
from ledger.mongo.connection import Document, translated_errors
from ledger.mongo.vendor_template_documents import read_vendor_templates, vendor_template_documents
from ledger.ports import Templates
from ledger.stored_template import StoredTemplate
from schemas.statuses import ContentType


class MongoTemplates(Templates):
    """Templates in the collection `templates`."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._templates = collection

    @override
    async def put(
        self,
        tenant_id: str,
        code: str,
        content: str,
        subject: str | None,
        content_type: ContentType | None = None,
        *,
        secret_variables: Sequence[str] = (),
        vendor_templates: VendorTemplates = NO_VENDOR_TEMPLATES,
    ) -> StoredTemplate:
        """Insert the text under the number after the newest. If another text has that number, try the next."""
        fields: Document = {
            "tenant_id": tenant_id,
            "code": code,
            "content": content,
            "subject": subject,
            **({"content_type": content_type.value} if content_type else {}),
            **({"secret_variables": list(secret_variables)} if secret_variables else {}),
            **({"vendor_templates": vendor_template_documents(vendor_templates)} if vendor_templates else {}),
        }
        text = content, subject, content_type, tuple(secret_variables), vendor_templates
        newest = await self.get(tenant_id, code)
        while newest is None or newest.text != text:
            newest = await self._insert_or_get(fields | {"version": newest.version + 1 if newest else 1})
        return newest

    @override
    async def get(self, tenant_id: str, code: str, version: int | None = None) -> StoredTemplate | None:
        with translated_errors():
            if version is not None:
                document = await self._templates.find_one({"_id": _version_id(tenant_id, code, version)})
            else:
                document = await self._templates.find_one(
                    {"tenant_id": tenant_id, "code": code}, sort=[("version", -1)]
                )
        return _read(document) if document else None

    @override
    async def list(self, tenant_id: str) -> list[StoredTemplate]:
        """Aggregate so that MongoDB skips from code to code in the index and reads one version of each."""
        pipeline: list[Document] = [
            {"$match": {"tenant_id": tenant_id}},
            {"$sort": {"code": 1, "version": -1}},
            {"$group": {"_id": "$code", "newest": {"$first": "$$ROOT"}}},
            {"$sort": {"_id": 1}},
        ]
        with translated_errors():
            return [_read(document["newest"]) async for document in self._templates.aggregate(pipeline)]

    async def _insert_or_get(self, document: Document) -> StoredTemplate:
        """Write a version unless its number exists. Return the stored version of that number."""
        name = _version_id(document["tenant_id"], document["code"], document["version"])
        absent = {"$eq": [{"$type": "$version"}, "missing"]}
        written = {"$mergeObjects": [{"$literal": {"_id": name, **document}}, {"created_at": "$$NOW"}]}
        with translated_errors():
            stored = await self._templates.find_one_and_update(
                {"_id": name},
                [{"$replaceWith": {"$cond": [absent, written, "$$ROOT"]}}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return _read(stored)


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
        content_type=ContentType(document["content_type"]) if "content_type" in document else None,
        secret_variables=tuple(document.get("secret_variables", ())),
        vendor_templates=read_vendor_templates(document.get("vendor_templates", ())),
    )
