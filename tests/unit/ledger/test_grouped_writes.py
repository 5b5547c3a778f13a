"""What each caller gets for the replies of MongoDB to a shared command."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from pymongo import WriteConcern
from pymongo.errors import AutoReconnect, OperationFailure

from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.mongo.grouped_writes import (
    Collection,
    GroupedCreations,
    GroupedInserts,
    GroupedUpdates,
    GroupedUpdatesAndReads,
)

DUPLICATE_KEY, WRITE_CONFLICT, INVALID_ID = 11000, 112, 53
NOT_DURABLE = {"writeConcernError": {"code": 64}}


class FakeCollection:
    """Collection and database whose commands fail for some ids, or get one reply for all."""

    name = "things"
    write_concern = WriteConcern(w="majority", j=True)

    def __init__(self, codes: Mapping[int, int] | None = None, reply: object = None) -> None:
        self.codes, self.reply = codes or {}, reply
        self.commands: list[list[int]] = []
        self.alone: list[int] = []

    @property
    def database(self) -> "FakeCollection":
        return self

    async def command(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        assert command["ordered"] is False
        assert command["writeConcern"] == {"w": "majority", "j": True}
        items = command["updates"] if "updates" in command else command["documents"]
        ids = [item.get("q", item)["_id"] for item in items]
        self.commands.append(ids)
        if isinstance(self.reply, Exception):
            raise self.reply
        errors = [{"index": at, "code": self.codes[each]} for at, each in enumerate(ids) if each in self.codes]
        reply: dict[str, Any] = {"ok": 1, "n": len(ids) - len(errors)}
        return reply | ({"writeErrors": errors} if errors else {}) | cast("dict[str, Any]", self.reply or {})

    async def find_one_and_update(self, query: Mapping[str, Any], *_: object, **__: object) -> Mapping[str, Any]:
        self.alone.append(query["_id"])
        return {"_id": query["_id"], "alone": True}

    def find(self, query: Mapping[str, Any], *_: object) -> "Found":
        return Found([{"_id": each} for each in query["_id"]["$in"]])


class Found:
    """Result of a find."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self._documents = documents

    async def to_list(self, _: None) -> list[dict[str, Any]]:
        return self._documents


def collection_of(fake: FakeCollection) -> Collection:
    return cast("Collection", fake)


async def insert_all(fake: FakeCollection, ids: Sequence[int] = range(4)) -> list[object]:
    inserts = GroupedInserts(collection_of(fake))
    return await asyncio.gather(*(inserts.insert([{"_id": each}]) for each in ids), return_exceptions=True)


async def update_all(fake: FakeCollection, ids: Sequence[int] = range(4)) -> list[object]:
    updates = GroupedUpdates(collection_of(fake))
    return await asyncio.gather(
        *(updates.update({"_id": each}, {"$set": {"a": 1}}) for each in ids), return_exceptions=True
    )


async def test_duplicates_are_told_to_those_who_inserted_them() -> None:
    fake = FakeCollection({2: DUPLICATE_KEY, 11: DUPLICATE_KEY, 12: DUPLICATE_KEY})
    inserts = GroupedInserts(collection_of(fake))
    items = [[1, 2], [3], [10, 11, 12], [4]]

    answers = await asyncio.gather(*(inserts.insert([{"_id": each} for each in item]) for item in items))
    assert answers == [[1], [], [1, 2], []]
    assert len(fake.commands) == 1


@pytest.mark.parametrize(("code", "error"), [(WRITE_CONFLICT, LedgerUnavailable), (INVALID_ID, LedgerRefused)])
async def test_an_error_of_one_document_reaches_its_caller_only(code: int, error: type[Exception]) -> None:
    fake = FakeCollection({2: code})

    assert [type(answer) for answer in await insert_all(fake)] == [list, list, error, list]
    assert fake.commands == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3]]
    assert [type(answer) for answer in await update_all(fake)] == [bool, bool, error, bool]


@pytest.mark.parametrize(
    "reply", [NOT_DURABLE, AutoReconnect(), OperationFailure("", WRITE_CONFLICT)], ids=["concern", "lost", "failed"]
)
async def test_a_missing_answer_reaches_every_caller_and_nothing_is_repeated(reply: object) -> None:
    for write in (insert_all, update_all):
        fake = FakeCollection(reply=reply)

        assert {type(answer) for answer in await write(fake)} == {LedgerUnavailable}
        assert fake.commands == [[0, 1, 2, 3]]


async def test_an_upsert_that_meets_another_is_written_alone() -> None:
    fake = FakeCollection({1: DUPLICATE_KEY})
    updates = GroupedUpdatesAndReads(collection_of(fake), upsert=True)

    answers = await asyncio.gather(*(updates.update({"_id": each}, {"$set": {"a": 1}}) for each in range(4)))
    assert answers == [{"_id": 0, "alone": True}, {"_id": 1, "alone": True}, {"_id": 2}, {"_id": 3}]
    assert fake.commands == [[0, 1, 2, 3], [0, 1], [2, 3]]
    assert fake.alone == [0, 1]


async def test_a_document_that_cannot_be_encoded_joins_no_command() -> None:
    fake = FakeCollection()
    inserts = GroupedInserts(collection_of(fake))

    answers = await asyncio.gather(
        inserts.insert([{"_id": 1}]), inserts.insert([{"_id": "\ud800"}]), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [list, LedgerRefused]
    assert fake.commands == [[1]]


async def test_a_creation_is_told_whether_the_command_wrote_its_document() -> None:
    fake = FakeCollection(reply={"n": 3, "upserted": [{"index": 0, "_id": 7}, {"index": 2, "_id": 8}]})
    creations = GroupedCreations(collection_of(fake))

    # One id twice in a batch is written once.
    names = cast("list[str]", [7, 7, 8])
    written = await asyncio.gather(*(creations.create(name, {}, {"begun_at": "$$NOW"}) for name in names))
    assert written == [True, False, True]
    assert fake.commands == [[7, 7, 8]]
