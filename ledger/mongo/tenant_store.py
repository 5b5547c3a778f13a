"""Settings, providers and keys of tenants in MongoDB, one document each. The `_id` is the id of the tenant."""

from collections.abc import Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection
from pydantic import TypeAdapter, ValidationError
from pymongo.errors import DuplicateKeyError
from typing_extensions import override

from ledger.errors import LedgerRefused
from ledger.mongo.connection import Document, translated_errors
from ledger.tenant_port import StoredProvider, StoredTenant, StoredTenantKey, Tenants
from schemas.tenant_settings import TenantSettings, setting_types, setting_value

_STORED_PROVIDER = TypeAdapter(StoredProvider)
_STORED_KEY = TypeAdapter(StoredTenantKey)


class MongoTenants(Tenants):
    """Settings, providers and keys of tenants in the collection `tenants`.

    A write changes only the fields that this version knows. Those of a newer version stay.
    """

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._tenants = collection

    @override
    async def get(self, tenant_id: str) -> StoredTenant:
        with translated_errors():
            document = await self._tenants.find_one({"_id": tenant_id})
        return StoredTenant(TenantSettings(), 0) if document is None else _stored(document)

    @override
    async def put(self, tenant_id: str, settings: TenantSettings, version: int) -> bool:
        fields = {name: setting_value(settings, name) for name, _ in setting_types()}
        return await self._put(tenant_id, {"$set": {"version": version + 1, **fields}}, version)

    @override
    async def put_providers(self, tenant_id: str, providers: Sequence[StoredProvider], version: int) -> bool:
        documents = [{**each._asdict(), "channel": each.channel.value} for each in providers]
        merged = {"$map": {"input": {"$literal": documents}, "as": "new", "in": {"$mergeObjects": [_STORED, "$$new"]}}}
        return await self._put(tenant_id, [{"$set": {"version": version + 1, "providers": merged}}], version)

    @override
    async def put_key(self, tenant_id: str, key: StoredTenantKey, version: int) -> bool:
        fields = {f"key.{name}": value for name, value in key._asdict().items()}
        return await self._put(tenant_id, {"$set": {"version": version + 1, **fields}}, version)

    @override
    async def list_with_sealed(self, after: str = "", limit: int = 100) -> list[tuple[str, StoredTenant]]:
        while True:
            has_sealed = [{"providers.0": {"$exists": True}}, {"key": {"$exists": True}}]
            query = {"_id": {"$gt": after}, "$or": has_sealed}
            with translated_errors():
                documents = await self._tenants.find(query).sort("_id", 1).limit(limit).to_list(None)
            found = [(str(document["_id"]), stored) for document in documents if (stored := _valid(document))]
            if found or len(documents) < limit:
                return found
            after = documents[-1]["_id"]

    @override
    async def find_provider(self, provider_id: str) -> tuple[str, StoredProvider] | None:
        with translated_errors():
            document = await self._tenants.find_one({"providers.id": provider_id})
        if document is None:
            return None
        (found,) = [provider for provider in _stored(document).providers if provider.id == provider_id]
        return str(document["_id"]), found

    @override
    async def find_by_key(self, key_id: str) -> tuple[str, StoredTenantKey] | None:
        with translated_errors():
            document = await self._tenants.find_one({"key.id": key_id})
        stored = None if document is None else _stored(document)
        return (str(document["_id"]), stored.key) if document and stored and stored.key else None

    async def _put(self, tenant_id: str, change: Document | list[Document], version: int) -> bool:
        with translated_errors():
            try:
                result = await self._tenants.update_one(
                    {"_id": tenant_id, "version": version}, change, upsert=version == 0
                )
            except DuplicateKeyError:  # another call stored the first version
                return False
        return result.matched_count == 1 or result.upserted_id is not None


_STORED = {
    "$arrayElemAt": [
        {"$filter": {"input": {"$ifNull": ["$providers", []]}, "as": "old", "cond": {"$eq": ["$$old.id", "$$new.id"]}}},
        0,
    ]
}
"""Stored entry of the provider `new`. It may have fields of a newer version."""


def _valid(document: Document) -> StoredTenant | None:
    try:
        return _stored(document)
    except LedgerRefused:
        return None


def _stored(document: Document) -> StoredTenant:
    try:
        providers = tuple(map(_provider, document.get("providers", ())))
        key = _key(document["key"]) if "key" in document else None
        return StoredTenant(TenantSettings.model_validate(document), document["version"], providers, key)
    except (ValidationError, KeyError, TypeError, ValueError):
        raise LedgerRefused("the settings of a tenant in MongoDB are not valid") from None


def _provider(document: Any) -> StoredProvider:
    return _STORED_PROVIDER.validate_python({name: document[name] for name in StoredProvider._fields})


def _key(document: Any) -> StoredTenantKey:
    return _STORED_KEY.validate_python({name: document[name] for name in StoredTenantKey._fields})
