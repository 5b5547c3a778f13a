"""Settings of tenants in MongoDB, one document each. The `_id` is the id of the tenant."""

from motor.motor_asyncio import AsyncIOMotorCollection
from pydantic import ValidationError
from pymongo.errors import DuplicateKeyError
from typing_extensions import override

from ledger.errors import LedgerRefused
from ledger.mongo.connection import Document, translated_errors
from ledger.tenant_port import StoredTenant, Tenants
from schemas.tenant_settings import ChannelLimits, TenantSettings


class MongoTenants(Tenants):
    """Settings of tenants in the collection `tenants`."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._tenants = collection

    @override
    async def get(self, tenant_id: str) -> StoredTenant:
        with translated_errors():
            document = await self._tenants.find_one({"_id": tenant_id})
        if document is None:
            return StoredTenant(TenantSettings(), 0)
        try:
            return StoredTenant(TenantSettings.model_validate(document), document["version"])
        except (ValidationError, KeyError):
            raise LedgerRefused("the settings of a tenant in MongoDB are not valid") from None

    @override
    async def put(self, tenant_id: str, settings: TenantSettings, version: int) -> bool:
        """Change only the fields that this version knows. Those of a newer version stay."""
        limits = settings.limits
        fields: Document = {
            "version": version + 1,
            "limits.sms": _limits_document(limits.sms),
            "limits.email": _limits_document(limits.email),
        }
        with translated_errors():
            try:
                result = await self._tenants.update_one(
                    {"_id": tenant_id, "version": version}, {"$set": fields}, upsert=version == 0
                )
            except DuplicateKeyError:  # another call stored the first version
                return False
        return result.matched_count == 1 or result.upserted_id is not None


def _limits_document(limits: ChannelLimits) -> Document:
    return {
        "max_per_min": limits.max_per_min,
        "max_per_hour": limits.max_per_hour,
        "max_per_day": limits.max_per_day,
    }
