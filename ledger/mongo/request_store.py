"""Requests: one document each."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument

from core.chunk_work import Counts
from core.ids import RequestKey
from ledger.models import ControlFlags, Part, RequestHeader, StoredRequest
from ledger.mongo.chunk_documents import read_control_flags
from ledger.mongo.connection import Document, ServerClock, count_up_to, translated_errors
from ledger.mongo.request_documents import completion_change, head_document, part_document, read_request
from ledger.queries import ListPosition, RequestPage, RequestQuery


class MongoRequests:
    """See ledger/ports.Requests."""

    def __init__(self, collection: AsyncIOMotorCollection[Document], clock: ServerClock) -> None:
        self._requests, self._clock = collection, clock

    async def register_part(self, header: RequestHeader, part: Part) -> StoredRequest:
        """One write: create or read back, and note the part unless it is refused."""
        with translated_errors():
            found = await self._requests.find_one_and_update(
                {"_id": header.key},
                _begin(header, part),
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return read_request(found)

    async def mark_part_expanded(self, key: RequestKey, part: int) -> StoredRequest:
        """Add the part to the set of the expanded ones."""
        found = await self._change({"_id": key}, {"$addToSet": {"counted": part}})
        if found is None:
            raise LookupError("a part is counted only after it was begun")
        return found

    async def get(self, key: RequestKey) -> StoredRequest | None:
        """The request as the primary has it."""
        with translated_errors():
            found = await self._requests.find_one({"_id": key})
        return read_request(found) if found else None

    async def cancel(self, key: RequestKey, *, scheduled_only: bool = False) -> StoredRequest | None:
        """Set the cancel mark."""
        which: Document = {"_id": key, "completion": None}
        if scheduled_only:  # no send_at is less than any time
            which["$expr"] = {"$or": ["$cancelled", {"$gt": ["$head.send_at", "$$NOW"]}]}
        return await self._change(which, [{"$set": {"cancelled": True, "looked_at": "$$NOW"}}])

    async def pause(self, key: RequestKey) -> StoredRequest | None:
        """Make the number odd."""
        return await self._pause(key, odd=True)

    async def resume(self, key: RequestKey) -> StoredRequest | None:
        """Make the number even."""
        return await self._pause(key, odd=False)

    async def _pause(self, key: RequestKey, *, odd: bool) -> StoredRequest | None:
        pauses = {"$ifNull": ["$pauses", 0]}
        step = {"$cond": [{"$eq": [{"$mod": [pauses, 2]}, int(odd)]}, 0, 1]}
        which = {"_id": key, "completion": None, "cancelled": False}
        return await self._change(which, [{"$set": {"pauses": {"$add": [pauses, step]}}}])

    async def control_flags(self, key: RequestKey) -> ControlFlags:
        """What was ordered, and nothing else of the document."""
        with translated_errors():
            found = await self._requests.find_one({"_id": key}, {"cancelled": True, "pauses": True})
        return read_control_flags(found) if found else ControlFlags()

    async def close_intake(self, key: RequestKey) -> StoredRequest | None:
        """Refuse what is not begun from now on."""
        begun = {"$size": {"$objectToArray": "$parts"}}
        lacking = {"$or": [{"$eq": ["$last_part", None]}, {"$lte": [begun, "$last_part"]}]}
        return await self._change({"_id": key, "completion": None, "$expr": lacking}, {"$set": {"cut": True}})

    async def write_off_lost_parts(self, key: RequestKey) -> StoredRequest | None:
        """Take what is begun and not counted for lost."""
        lost = {"$setDifference": [_BEGUN, "$counted"]}
        which = {"_id": key, "completion": None, "$expr": {"$ne": [lost, []]}}
        return await self._change(which, [{"$set": {"cut": True, "lost": lost}}])

    async def complete(self, key: RequestKey, counts: Counts) -> StoredRequest | None:
        """One atomic update whose winner publishes the completion."""
        change = [{"$set": {"completion": completion_change(counts), "looked_at": "$$NOW"}}]
        return await self._change({"_id": key, "completion": None, "$expr": _ALL_EXPANDED}, change)

    async def mark_completion_published(self, key: RequestKey) -> None:
        """Note that the completion's event was acknowledged."""
        with translated_errors():
            await self._requests.update_one({"_id": key}, {"$set": {"announced": True}})

    async def take_unfinished(self, *, idle_seconds: float, limit: int) -> list[StoredRequest]:
        """Requests to look at, each found by one process."""
        found: list[StoredRequest] = []
        before = self._clock.now() - timedelta(seconds=idle_seconds)
        while len(found) < limit:
            seen = [request.header.key for request in found]
            with translated_errors():
                document = await self._requests.find_one_and_update(
                    {"announced": False, "looked_at": {"$lte": before}, "_id": {"$nin": seen}},
                    [{"$set": {"looked_at": "$$NOW"}}],
                    sort=[("looked_at", 1)],
                    return_document=ReturnDocument.AFTER,
                )
            if document is None:
                break
            self._clock.observe(document["looked_at"])
            found.append(read_request(document))
        return found

    async def find_page(self, query: RequestQuery) -> RequestPage:
        """A page of requests, by one range of an index each time."""
        which: Document = {"head.tenant_id": query.tenant_id}
        index = "newest_of_tenant"
        if query.user_id is not None:
            which["head.user_id"], index = query.user_id, "newest_of_user"
        start = 0 if query.after else (query.page - 1) * query.page_size
        end = start + query.page_size
        found: list[Document] = []
        with translated_errors():
            for span in _spans(which, query.after):
                cursor = self._requests.find(span).sort([("head.accepted_at", -1), ("_id", 1)]).hint(index)
                if len(found) <= end:
                    found += await cursor.limit(end + 1 - len(found)).to_list(None)
            total = await count_up_to(self._requests, which, query.count_limit, index)
        exact = query.count_limit is None or total < query.count_limit
        return RequestPage(
            [read_request(one) for one in found[start:end]], total, has_more=len(found) > end, total_is_exact=exact
        )

    async def get_many(self, keys: Sequence[RequestKey]) -> dict[RequestKey, StoredRequest]:
        """Which of the requests exist."""
        with translated_errors():
            found = await self._requests.find({"_id": {"$in": list(keys)}}).to_list(None)
        return {request.header.key: request for request in map(read_request, found)}

    async def _change(self, which: Document, change: Any) -> StoredRequest | None:
        with translated_errors():
            found = await self._requests.find_one_and_update(which, change, return_document=ReturnDocument.AFTER)
        return read_request(found) if found else None


_BEGUN = {"$map": {"input": {"$objectToArray": "$parts"}, "in": "$$this.v.number"}}
_ALL_EXPANDED = {
    "$cond": [
        "$cut",
        {"$setIsSubset": [_BEGUN, {"$setUnion": ["$counted", {"$ifNull": ["$lost", []]}]}]},
        {"$eq": [{"$size": "$counted"}, {"$add": ["$last_part", 1]}]},  # none is begun that comes after the last
    ]
}
"""See ledger/values.Request.all_expanded."""


def _spans(which: Document, after: ListPosition | None) -> list[Document]:
    """The filters whose finds, one after the other, give what stands behind a place."""
    if after is None:
        return [which]
    return [
        {**which, "head.accepted_at": after.at, "_id": {"$gt": after.id}},
        {**which, "head.accepted_at": {"$lt": after.at}},
    ]


def _begin(header: RequestHeader, part: Part) -> list[Document]:
    """The pipeline of `begin`. All conditions look at the document as it was before."""
    number, name = part.number, f"parts.{part.number}"
    last_part, highest = {"$ifNull": ["$last_part", None]}, {"$ifNull": ["$highest", -1]}
    begun = {"$ne": [{"$type": f"${name}"}, "missing"]}
    late = {"$or": [{"$eq": ["$cut", True]}, {"$and": [{"$ne": [last_part, None]}, {"$lt": [last_part, number]}]}]}
    second_last = {"$or": [{"$ne": [last_part, None]}, {"$gt": [highest, number]}]} if part.last else False
    agreed = {"key_id": header.key_id, "digest": header.digest}
    mine = {"$and": [{"$eq": [f"$head.{field}", {"$literal": value}]} for field, value in agreed.items()]}
    foreign = {"$and": [{"$ne": [{"$type": "$head"}, "missing"]}, {"$not": [mine]}]}
    taken = {"$not": [{"$or": [begun, late, second_last, foreign]}]}
    return [
        {"$set": {"taken": taken}},
        {
            "$set": {
                "head": {"$ifNull": ["$head", {"$literal": head_document(header)}]},
                name: {"$cond": ["$taken", {"$literal": part_document(part)}, {"$ifNull": [f"${name}", "$$REMOVE"]}]},
                "highest": {"$cond": ["$taken", {"$max": [highest, number]}, highest]},
                "last_part": {"$cond": [{"$and": ["$taken", part.last]}, number, last_part]},
                "begun_at": {"$cond": ["$taken", "$$NOW", {"$ifNull": ["$begun_at", "$$NOW"]}]},
                "looked_at": {"$ifNull": ["$looked_at", {"$max": ["$$NOW", {"$literal": header.send_at}]}]},
                "counted": {"$ifNull": ["$counted", []]},
                **{mark: {"$ifNull": [f"${mark}", False]} for mark in ("cancelled", "cut", "announced")},
                "completion": {"$ifNull": ["$completion", None]},
                "pauses": {"$ifNull": ["$pauses", 0]},
            },
        },
        {"$unset": "taken"},
    ]
