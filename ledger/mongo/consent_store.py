"""Consents in MongoDB, one document for each address of a tenant, channel and category.

The `_id` begins with the id of the tenant's key and the channel, so that those of a tenant are one range of it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import UpdateOne
from typing_extensions import override

from core.consents import Consent, GivenConsent
from ledger.consent_port import Consents, ConsentSubject, StoredConsent
from ledger.mongo.connection import Document, translated_errors


class MongoConsents(Consents):
    """Consents in the collection `consents`. Each change is one atomic update, and their order does not matter."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._consents = collection

    @override
    async def find_in_force(self, ids: Collection[str]) -> set[str]:
        documents = await self._find(ids, {"given.at": True, "withdrawn_at": True})
        return {each["_id"] for each in documents if "given" in each and _is_in_force(each)}

    @override
    async def get_many(self, ids: Collection[str]) -> dict[str, StoredConsent]:
        return {each["_id"]: _stored(each) for each in await self._find(ids)}

    @override
    async def record(self, consents: Sequence[tuple[ConsentSubject, GivenConsent]]) -> None:
        if consents:
            with translated_errors():
                await self._consents.bulk_write([_record(*each) for each in consents])

    @override
    async def withdraw(self, subject: ConsentSubject, at: datetime) -> None:
        change = {"$max": {"withdrawn_at": at}, "$setOnInsert": {"sealed": subject.sealed}}
        with translated_errors():
            await self._consents.update_one({"_id": subject.id}, change, upsert=True)

    @override
    async def erase_addresses(self, ids: Collection[str], at: datetime) -> int:
        with_address = {"_id": {"$in": list(ids)}, "sealed": {"$exists": True}}
        change = {"$max": {"withdrawn_at": at}, "$unset": {"sealed": ""}}
        with translated_errors():
            return (await self._consents.update_many(with_address, change)).modified_count

    @override
    async def list_range(self, after: str, before: str, limit: int) -> list[StoredConsent]:
        query = {"_id": {"$gt": after, "$lt": before}}
        with translated_errors():
            documents = await self._consents.find(query).sort("_id", 1).limit(limit).to_list(None)
        return list(map(_stored, documents))

    async def _find(self, ids: Collection[str], fields: Document | None = None) -> list[Document]:
        with translated_errors():
            return await self._consents.find({"_id": {"$in": list(ids)}}, fields).to_list(None)


def _record(subject: ConsentSubject, given: GivenConsent) -> UpdateOne:
    """Return the update of `core.consents.with_consent`."""
    is_latest = {"$gt": [given.at, "$given.at"]}  # a field that is missing is less than any time
    consent = {"$cond": [is_latest, {"$literal": given._asdict()}, "$given"]}
    sealed = {"$ifNull": ["$sealed", {"$literal": subject.sealed}]}
    return UpdateOne({"_id": subject.id}, [{"$set": {"given": consent, "sealed": sealed}}], upsert=True)


def _is_in_force(document: Document) -> bool:
    withdrawn_at = document.get("withdrawn_at")
    return withdrawn_at is None or document["given"]["at"] > withdrawn_at


def _stored(document: Document) -> StoredConsent:
    given = document.get("given")
    consent = Consent(GivenConsent(**given) if given else None, document.get("withdrawn_at"))
    return StoredConsent(document["_id"], document.get("sealed", b""), consent)
