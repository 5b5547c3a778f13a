"""Suppressions in MongoDB, one document for each address of a tenant and channel.

The `_id` begins with the id of the tenant's key and the channel, so that those of a tenant are one range of it.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError
from typing_extensions import override

from core.suppressions import SuppressionEntry
from ledger.errors import LedgerUnavailable
from ledger.mongo.connection import DUPLICATE_KEY, Document, ServerClock, translated_errors
from ledger.mongo.group_commit import MAX_NUMBER, GroupCommit
from ledger.suppression_changes import plan_additions, without
from ledger.suppression_port import Addition, Entries, NewSuppression, StoredSuppression, Suppressions
from schemas.statuses import SuppressionReason

MAX_TRIES = 10
"""Maximum number of times that a change is made anew because another one came first."""
MAX_LOOKED_UP = 2_000
"""Maximum number of addresses that several callers look up with one command."""
_CHANGES_TOO_OFTEN = "the suppressions of an address change too often"


class MongoSuppressions(Suppressions):
    """Suppressions in the collection `suppressions`.

    A change is a compare-and-set of all entries of an address. MongoDB deletes an address whose entries have ended.
    """

    def __init__(self, collection: AsyncIOMotorCollection[Document], clock: ServerClock) -> None:
        self._suppressions, self._clock = collection, clock
        self._look_ups: GroupCommit[Collection[str], dict[str, Entries]] = GroupCommit(self._look_up)

    @override
    async def find(self, ids: Collection[str]) -> dict[str, Entries]:
        """Look up with one command, shared with other callers. It begins after this call."""
        return await self._look_ups.add(ids, number=max(1, len(ids) * MAX_NUMBER // MAX_LOOKED_UP))

    async def _look_up(self, batch: Sequence[Collection[str]]) -> list[dict[str, Entries]]:
        documents = await self._find(list(chain.from_iterable(batch)))
        found = {each["_id"]: _entries(each) for each in documents}
        return [{name: found[name] for name in ids if name in found} if found else {} for ids in batch]

    @override
    async def get(self, suppression_id: str) -> StoredSuppression | None:
        with translated_errors():
            document = await self._suppressions.find_one({"_id": suppression_id})
        return _suppression(document) if document else None

    @override
    async def add(self, suppressions: Sequence[NewSuppression]) -> list[Addition]:
        results = [Addition.UNCHANGED] * len(suppressions)
        ids = {each.id for each in suppressions}
        for _ in range(MAX_TRIES):
            stored = {each["_id"]: each for each in await self._find(ids)}
            known = {name: _entries(each) for name, each in stored.items()}
            plan = plan_additions(known, suppressions, self._clock.now())
            # After a conflict, the entries that were written are in the ledger already.
            results = [
                new if new is not Addition.UNCHANGED else old for old, new in zip(results, plan.results, strict=True)
            ]
            if await self._write(plan.changed.values(), stored):
                return results
        raise LedgerUnavailable(_CHANGES_TOO_OFTEN)

    @override
    async def remove(self, suppression_id: str, scope: str | None, reason: SuppressionReason | None) -> int:
        for _ in range(MAX_TRIES):
            documents = await self._find([suppression_id])
            entries = _entries(documents[0]) if documents else ()
            left = without(entries, scope, reason)
            if left == entries or await self._replace(documents[0], left):
                return len(entries) - len(left)
        raise LedgerUnavailable(_CHANGES_TOO_OFTEN)

    @override
    async def erase_address(self, suppression_id: str) -> bool:
        with translated_errors():
            result = await self._suppressions.update_one({"_id": suppression_id}, {"$unset": {"sealed": ""}})
        return result.modified_count == 1

    @override
    async def list_range(self, after: str, before: str, limit: int) -> list[StoredSuppression]:
        query = {"_id": {"$gt": after, "$lt": before}}
        with translated_errors():
            documents = await self._suppressions.find(query).sort("_id", 1).limit(limit).to_list(None)
        return list(map(_suppression, documents))

    async def _find(self, ids: Collection[str]) -> list[Document]:
        with translated_errors():
            return await self._suppressions.find({"_id": {"$in": list(ids)}}, {"entries": True}).to_list(None)

    async def _write(self, changed: Collection[StoredSuppression], stored: Mapping[str, Document]) -> bool:
        """Write the changes. Return False if another change of an address came first. The others are written then."""
        updates = [_update(stored[each.id], each.entries) for each in changed if each.id in stored]
        inserts = [
            InsertOne({"_id": each.id, "sealed": each.sealed, **_fields(each.entries)})
            for each in changed
            if each.id not in stored
        ]
        if not changed:
            return True
        with translated_errors():
            try:
                written = await self._suppressions.bulk_write([*inserts, *updates], ordered=False)
            except BulkWriteError as error:
                details = error.details or {}
                if {each["code"] for each in details.get("writeErrors", ())} != {DUPLICATE_KEY}:
                    raise
                return False
        return written.matched_count == len(updates)

    async def _replace(self, document: Document, entries: Entries) -> bool:
        """Replace the entries of an address, and delete it without any. Return False if another change came first."""
        unchanged = {"_id": document["_id"], "entries": document["entries"]}
        with translated_errors():
            if not entries:
                return (await self._suppressions.delete_one(unchanged)).deleted_count == 1
            return (await self._suppressions.bulk_write([_update(document, entries)])).matched_count == 1


def _update(document: Document, entries: Entries) -> UpdateOne:
    """Return the update of the entries of an address, if they are still those of the document."""
    fields = _fields(entries)
    change: Document = {"$set": fields} if "gone_at" in fields else {"$set": fields, "$unset": {"gone_at": ""}}
    return UpdateOne({"_id": document["_id"], "entries": document["entries"]}, change)


def _fields(entries: Entries) -> Document:
    """Return the fields that follow from the entries. `gone_at` is the time at which the last one has ended."""
    documents = [
        {name: value for name, value in {**each._asdict(), "reason": each.reason.value}.items() if value is not None}
        for each in entries
    ]
    ends = [each.until for each in entries if each.until is not None]
    return {"entries": documents} if len(ends) < len(entries) else {"entries": documents, "gone_at": max(ends)}


def _entries(document: Document) -> Entries:
    return tuple(
        SuppressionEntry(
            SuppressionReason(each["reason"]), each["scope"], each["source"], each["since"], each.get("until")
        )
        for each in document["entries"]
    )


def _suppression(document: Document) -> StoredSuppression:
    return StoredSuppression(document["_id"], document.get("sealed", b""), _entries(document))
