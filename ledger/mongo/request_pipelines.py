"""Update of a request by one of its parts, and the conditions on its parts. MongoDB runs each in one step."""

from bson.int64 import Int64

from ledger.models import Part, RequestHeader
from ledger.mongo.connection import Document
from ledger.mongo.request_documents import header_document, part_document

REGISTERED = {"$map": {"input": {"$objectToArray": "$parts"}, "in": "$$this.v.number"}}
ALL_EXPANDED = {
    "$cond": [
        "$cut",
        {"$setIsSubset": [REGISTERED, {"$setUnion": ["$counted", {"$ifNull": ["$lost", []]}]}]},
        {"$eq": [{"$size": "$counted"}, {"$add": ["$last_part", 1]}]},  # a part after the last is never registered
    ]
}
"""See `all_parts_expanded` of ledger.models.StoredRequest."""


def register_part_pipeline(header: RequestHeader, part: Part) -> list[Document]:
    """Return the update of `register_part`. All conditions read the document as it was before the update."""
    number, name = part.number, f"parts.{part.number}"
    last_part, highest = {"$ifNull": ["$last_part", None]}, {"$ifNull": ["$highest", -1]}
    registered = {"$ne": [{"$type": f"${name}"}, "missing"]}
    late = {"$or": [{"$eq": ["$cut", True]}, {"$and": [{"$ne": [last_part, None]}, {"$lt": [last_part, number]}]}]}
    second_last = {"$or": [{"$ne": [last_part, None]}, {"$gt": [highest, number]}]} if part.last else False
    agreed = {"key_id": header.key_id, "digest": header.digest}
    same = {"$and": [{"$eq": [f"$head.{field}", {"$literal": value}]} for field, value in agreed.items()]}
    foreign = {"$and": [{"$ne": [{"$type": "$head"}, "missing"]}, {"$not": [same]}]}
    taken = {"$not": [{"$or": [registered, late, second_last, foreign]}]}
    return [
        {"$set": {"taken": taken}},
        {
            "$set": {
                "head": {"$ifNull": ["$head", {"$literal": header_document(header)}]},
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


def reserve_pipeline(name: str, fence: int, amount: int, budget: int) -> list[Document]:
    """Return the update of `reserve`. `name` is the field of the chunk. Sums are those before the update."""
    before = {"$ifNull": [f"${name}.amount", Int64(0)]}
    others = {"$subtract": [{"$ifNull": ["$reserved.total", Int64(0)]}, before]}
    granted = {"$min": [Int64(amount), {"$max": [{"$subtract": [Int64(budget), others]}, before]}]}
    return [
        {
            "$set": {
                f"{name}.fence": fence,
                f"{name}.amount": granted,
                "reserved.total": {"$add": [others, granted]},
            }
        }
    ]
