"""Writes to a collection that concurrent callers share. Each of them may be repeated with the same arguments.

Commands run directly, because the driver's own bulk methods double the time that a document takes to encode. The driver
does not repeat such a command after a lost connection. The caller does, as after any LedgerUnavailable.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument

from ledger.mongo.connection import DUPLICATE_KEY, Document, check_reply, duplicate_key_indexes, translated_errors
from ledger.mongo.group_commit import GroupCommit, MixedResults

Collection = AsyncIOMotorCollection[Document]

MAX_SHARED_DOCUMENTS = 50
"""Maximum number of documents that one caller inserts together with others. More are a command of their own.

The logs of a full window are not shared. They are worth a command, and the driver encodes them in a thread.
"""


class GroupedInserts:
    """Inserts into a collection."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._group = GroupCommit(self._write)

    async def insert(self, documents: Sequence[Document]) -> list[int]:
        """Write each document unless its id exists. Return the indices of those that existed."""
        if len(documents) > MAX_SHARED_DOCUMENTS:
            return (await self._write([documents]))[0]
        encoded = [_encode(document) for document in documents]
        return await self._group.add(encoded, number=len(encoded), size=sum(len(each.raw) for each in encoded))

    async def _write(self, batch: Sequence[Sequence[Mapping[str, Any]]]) -> list[list[int]]:
        """Insert in any order. An id that several callers insert is inserted once, and existed for the others.

        If the batch is written again in halves, what it had inserted exists, as in the repeat of any insert.
        """
        ends = list(accumulate(map(len, batch)))
        reply = await run_writes(self._collection, "insert", "documents", [each for item in batch for each in item])
        _check(reply, len(batch), {DUPLICATE_KEY})
        existing = duplicate_key_indexes(reply)
        return [
            [at - end + len(item) for at in existing if end - len(item) <= at < end]
            for item, end in zip(batch, ends, strict=True)
        ]


class GroupedCreations:
    """Inserts of documents with fields that MongoDB sets by its own clock, which an insert cannot do."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._group = GroupCommit(self._write)

    async def create(self, name: str, document: Document, times: Document) -> bool:
        """Write a document unless its id exists. Return whether it was written. `times` are expressions of MongoDB."""
        absent = {"$eq": [{"$type": f"${next(iter(times))}"}, "missing"]}
        created = {"$mergeObjects": [{"$literal": {**document, "_id": name}}, times]}
        change = [{"$replaceWith": {"$cond": [absent, created, "$$ROOT"]}}]
        statement = _encode({"q": {"_id": name}, "u": change, "upsert": True})
        return await self._group.add(statement, size=len(statement.raw))

    async def _write(self, batch: Sequence[RawBSONDocument]) -> list[bool]:
        """Write in any order. The reply names each document that was written."""
        reply = await run_writes(self._collection, "update", "updates", batch)
        _check(reply, len(batch))
        written = {each["index"] for each in reply.get("upserted", ())}
        return [at in written for at in range(len(batch))]


class GroupedUpdates:
    """Updates of single documents by one filter each, whose only result is whether the filter matched."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._group = GroupCommit(self._write)

    async def update(self, filter_: Document, change: Document) -> bool:
        """Update the document. Return whether the filter matched. It must match again after the update."""
        statement = _encode({"q": filter_, "u": change})
        return await self._group.add(statement, size=len(statement.raw))

    async def _write(self, batch: Sequence[RawBSONDocument]) -> list[bool]:
        """Update in any order. The reply has the number of matches only."""
        reply = await run_writes(self._collection, "update", "updates", batch)
        _check(reply, len(batch))
        if reply["n"] not in (0, len(batch)):
            raise MixedResults
        return [reply["n"] > 0] * len(batch)


@dataclass(frozen=True, slots=True)
class _Update:
    """Update of one document by its id and more conditions, and its encoded form."""

    filter: Document
    change: Any
    statement: RawBSONDocument


class GroupedUpdatesAndReads:
    """Updates of single documents by their ids, whose result is the document afterwards.

    A lone update is one atomic command, which returns the document if the filter matched. Several updates are one
    command, and a read of all their documents follows. Two things may differ then:

    - The document is returned even if the filter did not match. The caller must be able to tell by its content.
    - The document may have changed between the two commands. The caller must be able to work with the later state.

    The read sees at least its own updates, because the majority has them before the read begins.
    """

    def __init__(self, collection: Collection, *, upsert: bool = False, projection: Document | None = None) -> None:
        self._collection, self._upsert, self._projection = collection, upsert, projection
        self._group = GroupCommit(self._write)

    async def update(self, filter_: Document, change: Any) -> Document | None:
        """Update the document and return it."""
        statement = _encode({"q": filter_, "u": change, "upsert": self._upsert})
        return await self._group.add(_Update(filter_, change, statement), size=len(statement.raw))

    async def _write(self, batch: Sequence[_Update]) -> list[Document | None]:
        if len(batch) == 1:
            return [await self._write_alone(batch[0])]
        reply = await run_writes(self._collection, "update", "updates", [update.statement for update in batch])
        _check(reply, len(batch))
        ids = [update.filter["_id"] for update in batch]
        with translated_errors():
            documents = await self._collection.find({"_id": {"$in": ids}}, self._projection).to_list(None)
        by_id = {document["_id"]: document for document in documents}
        return [by_id.get(each) for each in ids]

    async def _write_alone(self, update: _Update) -> Document | None:
        with translated_errors():
            return await self._collection.find_one_and_update(
                update.filter,
                update.change,
                upsert=self._upsert,
                return_document=ReturnDocument.AFTER,
                projection=self._projection,
            )


def _encode(document: Document) -> RawBSONDocument:
    """Encode a document once, to know its size. An error concerns its caller only."""
    with translated_errors():
        return RawBSONDocument(bson.encode(document))


async def run_writes(
    collection: Collection, command: str, field: str, documents: Sequence[Mapping[str, Any]]
) -> Document:
    """Run writes in any order, as one command. Return its reply, whose errors the caller must check."""
    with translated_errors():
        reply: Document = await collection.database.command(
            {
                command: collection.name,
                field: documents,
                "ordered": False,
                "writeConcern": collection.write_concern.document,
            }
        )
    return reply


def _check(reply: Document, items: int, expected: AbstractSet[int] = frozenset()) -> None:
    """Raise an error if writes failed with a code that is not expected."""
    if items > 1 and {error["code"] for error in reply.get("writeErrors", ())} - expected:
        raise MixedResults
    check_reply(reply, expected)
