"""Writes of small requests: the request, its only part and its chunk are one document."""

from dataclasses import replace

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument

from core.chunk_work import Counts
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken, first_claim
from ledger.models import Chunk, Completion, Part, RequestHeader
from ledger.mongo.chunk_documents import claimed_document, closed_document, read_control_flags, unclaimed_document
from ledger.mongo.chunk_pipelines import extend_pipeline, fenced_filter, lease_fields
from ledger.mongo.connection import Document, ServerClock, translated_errors
from ledger.mongo.grouped_writes import GroupedCreations, GroupedUpdates
from ledger.mongo.request_documents import completion_document, small_request_document
from ledger.sweep_delays import NEVER


class SmallRequestWrites:
    """Writes that small requests share. Many of them are one command."""

    def __init__(self, requests: AsyncIOMotorCollection[Document], clock: ServerClock) -> None:
        self._requests, self._clock = requests, clock
        self._creations, self._closes = GroupedCreations(requests), GroupedUpdates(requests)

    async def insert(self, header: RequestHeader, part: Part, chunk: Chunk) -> bool:
        """Write a request with its chunk unless its id exists. Return whether it was written."""
        document = {**small_request_document(header, part), **unclaimed_document(chunk, self._clock.now())}
        return await self._creations.create(header.key, document, _BEGUN)

    async def insert_claimed(
        self, header: RequestHeader, part: Part, chunk: Chunk, claim: ClaimRequest
    ) -> ClaimResult | None:
        """Write a request with its chunk, and claim it. Return None if another call wrote the request."""
        claimed = first_claim(chunk, claim)
        document = {**small_request_document(header, part), **claimed_document(claimed)}
        if await self._creations.create(header.key, document, {**_BEGUN, **lease_fields(claim.lease_seconds)}):
            return claimed
        with translated_errors():
            renewed = await self._requests.find_one_and_update(
                {**fenced_filter(claimed.token), "open": True},
                extend_pipeline({}, claim.lease_seconds),
                projection={"cancelled": True, "pauses": True},
                return_document=ReturnDocument.AFTER,
            )
        if renewed is None:
            return None
        cancelled, pauses = read_control_flags(renewed)
        return replace(claimed, chunk=replace(claimed.chunk, cancelled=cancelled, pauses=pauses))

    async def close(self, token: ClaimToken, completion: Completion, counts: Counts) -> Completion | None:
        """Close the chunk and complete its request. A repeat of the call succeeds too."""
        emptied, removed = closed_document(counts, completion.cost)
        change = {
            "$set": {**emptied, "completion": completion_document(completion)},
            "$unset": {**removed, "head.sealed_secrets": ""},
            "$currentDate": {"looked_at": True},
        }
        return completion if await self._closes.update(fenced_filter(token), change) else None


_BEGUN: Document = {"begun_at": "$$NOW", "looked_at": {"$literal": NEVER}}
"""Times of a new document. The sweeper looks at it after the close, which sets `looked_at`. Until then its chunk is
found by its own times, and an older version would complete the request, because it does not see the chunk."""
