"""Requests in MongoDB, one document each."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument
from typing_extensions import override

from core.chunk_work import Counts
from core.ids import ChunkId, RequestKey, key_of_chunk
from core.money import NO_COST, Cost
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.errors import LedgerUnavailable
from ledger.models import Chunk, Completion, ControlFlags, Part, RequestHeader, StoredRequest
from ledger.mongo.chunk_documents import read_control_flags
from ledger.mongo.chunk_homes import WITHOUT_CHUNK
from ledger.mongo.chunk_pipelines import cancel_pipeline, if_open, park_pipeline, unpark_pipeline
from ledger.mongo.connection import Document, ServerClock, count_up_to, translated_errors
from ledger.mongo.grouped_writes import GroupedUpdates, GroupedUpdatesAndReads
from ledger.mongo.request_documents import (
    completion_fields,
    read_completion,
    read_header,
    read_request,
)
from ledger.mongo.request_pipelines import ALL_EXPANDED, REGISTERED, register_part_pipeline, reserve_pipeline
from ledger.mongo.small_requests import SmallRequestWrites
from ledger.queries import ListPosition, RequestPage, RequestQuery
from ledger.request_port import Requests


class MongoRequests(Requests):
    """Requests in the collection `requests`."""

    def __init__(self, collection: AsyncIOMotorCollection[Document], clock: ServerClock) -> None:
        self._requests, self._clock = collection, clock
        self._registrations = GroupedUpdatesAndReads(collection, upsert=True, projection=WITHOUT_CHUNK)
        self._expanded_parts = GroupedUpdatesAndReads(collection, projection=WITHOUT_CHUNK)
        self._announcements = GroupedUpdates(collection)
        self._small = SmallRequestWrites(collection, clock)

    @override
    async def insert_small(self, header: RequestHeader, part: Part, chunk: Chunk) -> bool:
        return await self._small.insert(header, part, chunk)

    @override
    async def insert_small_claimed(
        self, header: RequestHeader, part: Part, chunk: Chunk, claim: ClaimRequest
    ) -> ClaimResult | None:
        return await self._small.insert_claimed(header, part, chunk, claim)

    @override
    async def close_small(
        self, token: ClaimToken, counts: Counts, completed_at: datetime, cost: Cost = NO_COST
    ) -> Completion | None:
        return await self._small.close(token, Completion.of(counts, completed_at, cost=cost), counts)

    @override
    async def register_part(self, header: RequestHeader, part: Part) -> StoredRequest:
        """Register together with other callers.

        Another call may change the request before it is read. A part that is registered stays. One that is refused is
        refused for ever, and changes nothing, so that it may as well have come after the other call. Control flags
        count as they are read.
        """
        document = await self._registrations.update({"_id": header.key}, register_part_pipeline(header, part))
        if document is None:
            raise LedgerUnavailable("the request was deleted before it was read")
        return read_request(document)

    @override
    async def mark_part_expanded(self, key: RequestKey, part: int) -> StoredRequest:
        """Mark together with other callers. The set only grows, and the control flags count as they are read."""
        document = await self._expanded_parts.update({"_id": key}, {"$addToSet": {"counted": part}})
        if document is None:
            raise LookupError("a part is marked as expanded only after it was registered")
        return read_request(document)

    @override
    async def get(self, key: RequestKey) -> StoredRequest | None:
        with translated_errors():
            document = await self._requests.find_one({"_id": key}, WITHOUT_CHUNK)
        return read_request(document) if document else None

    @override
    async def completion(self, key: RequestKey) -> Completion | None:
        with translated_errors():
            document = await self._requests.find_one({"_id": key}, {"completion": True})
        return read_completion(document) if document else None

    @override
    async def cancel(self, key: RequestKey, *, scheduled_only: bool = False) -> StoredRequest | None:
        filter_: Document = {"_id": key, "completion": None}
        if scheduled_only:  # a missing send_at compares as less than any time
            filter_["$expr"] = {"$or": ["$cancelled", {"$gt": ["$head.send_at", "$$NOW"]}]}
        # The sweeper need not look at a small request. One write marks its chunk as well.
        looked_at = {"$cond": [{"$eq": ["$open", True]}, "$looked_at", "$$NOW"]}
        marked = {"$set": {"cancelled": True, "looked_at": looked_at}}
        return await self._update(filter_, [marked, *if_open(cancel_pipeline())])

    @override
    async def pause(self, key: RequestKey) -> StoredRequest | None:
        return await self._pause(key, odd=True)

    @override
    async def resume(self, key: RequestKey) -> StoredRequest | None:
        return await self._pause(key, odd=False)

    async def _pause(self, key: RequestKey, *, odd: bool) -> StoredRequest | None:
        pauses = {"$ifNull": ["$pauses", 0]}
        step = {"$cond": [{"$eq": [{"$mod": [pauses, 2]}, int(odd)]}, 0, 1]}
        filter_ = {"_id": key, "completion": None, "cancelled": False}
        marked = {"$set": {"pauses": {"$add": [pauses, step]}}}
        return await self._update(filter_, [marked, *if_open(park_pipeline() if odd else unpark_pipeline())])

    @override
    async def control_flags(self, key: RequestKey) -> ControlFlags:
        with translated_errors():
            document = await self._requests.find_one({"_id": key}, {"cancelled": True, "pauses": True})
        return read_control_flags(document) if document else ControlFlags()

    @override
    async def close_intake(self, key: RequestKey) -> StoredRequest | None:
        registered = {"$size": {"$objectToArray": "$parts"}}
        lacking = {"$or": [{"$eq": ["$last_part", None]}, {"$lte": [registered, "$last_part"]}]}
        return await self._update({"_id": key, "completion": None, "$expr": lacking}, {"$set": {"cut": True}})

    @override
    async def write_off_lost_parts(self, key: RequestKey) -> StoredRequest | None:
        lost = {"$setDifference": [REGISTERED, "$counted"]}
        filter_ = {"_id": key, "completion": None, "$expr": {"$ne": [lost, []]}}
        return await self._update(filter_, [{"$set": {"cut": True, "lost": lost}}])

    @override
    async def complete(self, key: RequestKey, counts: Counts, cost: Cost = NO_COST) -> StoredRequest | None:
        """Store the completion and erase the secrets with one atomic update. Its consumer publishes the completion.

        It is not shared with other callers. A read after it could not tell whose completion it finds.
        """
        erased = {"head.sealed_secrets": "$$REMOVE"}
        change = [{"$set": {"completion": completion_fields(counts, cost), "looked_at": "$$NOW", **erased}}]
        return await self._update({"_id": key, "completion": None, "$expr": ALL_EXPANDED}, change)

    @override
    async def reserve(self, chunk_id: ChunkId, fence: int, amount: int, budget: int) -> int | None:
        """Reserve with one atomic update. It is not shared, because its result is what the update itself has set."""
        part = f"c{chunk_id.removeprefix(f'chk_{key_of_chunk(chunk_id)}')}"
        name = f"reserved.chunks.{part}"
        filter_ = {"_id": key_of_chunk(chunk_id), f"{name}.fence": {"$not": {"$gt": fence}}}
        with translated_errors():
            document = await self._requests.find_one_and_update(
                filter_,
                reserve_pipeline(name, fence, amount, budget),
                projection={name: True},
                return_document=ReturnDocument.AFTER,
            )
        return int(document["reserved"]["chunks"][part]["amount"]) if document else None

    @override
    async def mark_completion_published(self, key: RequestKey) -> None:
        await self._announcements.update({"_id": key}, {"$set": {"announced": True}})

    @override
    async def take_unfinished(self, *, idle_seconds: float, limit: int) -> list[StoredRequest]:
        """Take the requests one by one, so that each is returned to one process only."""
        requests: list[StoredRequest] = []
        before = self._clock.now() - timedelta(seconds=idle_seconds)
        while len(requests) < limit:
            taken = [request.header.key for request in requests]
            with translated_errors():
                document = await self._requests.find_one_and_update(
                    {"announced": False, "looked_at": {"$lte": before}, "_id": {"$nin": taken}},
                    [{"$set": {"looked_at": "$$NOW"}}],
                    sort=[("looked_at", 1)],
                    projection=WITHOUT_CHUNK,
                    return_document=ReturnDocument.AFTER,
                )
            if document is None:
                break
            self._clock.observe(document["looked_at"])
            requests.append(read_request(document))
        return requests

    @override
    async def find_page(self, query: RequestQuery) -> RequestPage:
        """Read the page with one or two queries, each of which is one range of an index."""
        filter_: Document = {"head.tenant_id": query.tenant_id}
        index = "newest_of_tenant"
        if query.user_id is not None:
            filter_["head.user_id"], index = query.user_id, "newest_of_user"
        start = 0 if query.after else (query.page - 1) * query.page_size
        documents: list[Document] = []
        with translated_errors():
            for span in _spans(filter_, query.after):
                if missing := query.page_size + 1 - len(documents):
                    cursor = self._requests.find(span, _WITHOUT_TEXT).hint(index).skip(start).limit(missing)
                    documents += await cursor.sort([("head.accepted_at", -1), ("_id", 1)]).to_list(None)
            total = await count_up_to(self._requests, filter_, query.count_limit, index)
        exact = query.count_limit is None or total < query.count_limit
        return RequestPage(
            [read_request(document) for document in documents[: query.page_size]],
            total,
            has_more=len(documents) > query.page_size,
            total_is_exact=exact,
        )

    @override
    async def get_headers(self, keys: Sequence[RequestKey]) -> dict[RequestKey, RequestHeader]:
        with translated_errors():
            documents = await self._requests.find({"_id": {"$in": list(keys)}}, _HEADER).to_list(None)
        headers = (read_header(RequestKey(document["_id"]), document["head"]) for document in documents)
        return {header.key: header for header in headers}

    @override
    async def get_many(self, keys: Sequence[RequestKey]) -> dict[RequestKey, StoredRequest]:
        with translated_errors():
            documents = await self._requests.find({"_id": {"$in": list(keys)}}, WITHOUT_CHUNK).to_list(None)
        return {request.header.key: request for request in map(read_request, documents)}

    async def _update(self, filter_: Document, change: Any) -> StoredRequest | None:
        with translated_errors():
            document = await self._requests.find_one_and_update(
                filter_, change, projection=WITHOUT_CHUNK, return_document=ReturnDocument.AFTER
            )
        return read_request(document) if document else None


_WITHOUT_TEXT = WITHOUT_CHUNK | {"head.sealed_text": False, "head.sealed_secrets": False}
_HEADER = _WITHOUT_TEXT | {"parts": False, "reserved": False}


def _spans(filter_: Document, after: ListPosition | None) -> list[Document]:
    """Return the filters whose results, in this order, are the requests after a position."""
    if after is None:
        return [filter_]
    return [
        {**filter_, "head.accepted_at": after.at, "_id": {"$gt": after.id}},
        {**filter_, "head.accepted_at": {"$lt": after.at}},
    ]
