"""A claim of a due chunk that got no reply asks for the same chunk again. It may own it already."""

from typing import Any, cast

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from ledger.claims import ClaimRequest
from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.mongo.chunk_store import MongoChunks
from ledger.mongo.connection import Database, ServerClock
from schemas.statuses import Channel, Lane

BAD_VALUE = 2


class Collection:
    """A collection with two due chunks that another process has claimed meanwhile. The next updates fail."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.asked: list[str] = []
        self._due = [{"_id": name, "sweep_at": number} for number, name in enumerate(("first", "second"))]

    async def find_one_and_update(self, query: dict[str, Any], *_change: object, **_options: object) -> None:
        self.asked.append(query["_id"])
        if self._errors:
            raise self._errors.pop(0)

    def find(self, *_query: object) -> "Collection":
        return self

    sort = limit = find

    async def to_list(self, _length: None) -> list[dict[str, object]]:
        found, self._due = self._due, []
        return found


async def claim(chunks: MongoChunks, owner: str) -> None:
    await chunks.claim_due(Lane.BULK, Channel.SMS, ClaimRequest(owner, 30.0))


async def test_a_claim_without_a_reply_asks_for_the_same_chunk_until_it_is_answered_or_refused() -> None:
    collection = Collection(AutoReconnect(), AutoReconnect(), OperationFailure("", BAD_VALUE))
    chunks = MongoChunks(cast("Database", {"chunks": collection, "requests": collection}), ServerClock())
    for error in (LedgerUnavailable, LedgerUnavailable, LedgerRefused):
        with pytest.raises(error):
            await claim(chunks, "owner")
    assert collection.asked == ["first"] * 3
    assert not chunks._unanswered

    await claim(chunks, "another owner")
    assert collection.asked[3:] == ["second"]
