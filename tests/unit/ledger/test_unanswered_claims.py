"""Claims that got no reply are remembered for their repeat only."""

from typing import cast

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from ledger.claims import ClaimRequest
from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.mongo.chunk_store import MongoChunks
from ledger.mongo.connection import Database, ServerClock
from schemas.statuses import Channel, Lane

BAD_VALUE = 2


class Collection:
    """A collection without documents, whose next commands fail."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    async def find_one_and_update(self, *_query: object, **_options: object) -> None:
        if self._errors:
            raise self._errors.pop(0)

    def find(self, *_query: object) -> "Collection":
        return self

    sort = limit = find

    async def to_list(self, _length: None) -> list[object]:
        await self.find_one_and_update()
        return []


def chunks_that_fail(*errors: Exception) -> MongoChunks:
    collection = Collection(*errors)
    return MongoChunks(cast("Database", {"chunks": collection, "requests": collection}), ServerClock())


async def claim(chunks: MongoChunks, owner: str) -> None:
    await chunks.claim_due(Lane.BULK, Channel.SMS, ClaimRequest(owner, 30.0, {}))


async def test_an_owner_is_remembered_until_its_claim_is_answered_or_refused() -> None:
    chunks = chunks_that_fail(AutoReconnect(), AutoReconnect(), OperationFailure("", BAD_VALUE))
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            await claim(chunks, "first")
        assert chunks._unanswered == {"first"}
    with pytest.raises(LedgerRefused):
        await claim(chunks, "first")
    assert chunks._unanswered == set()
    await claim(chunks, "second")
    assert chunks._unanswered == set()
