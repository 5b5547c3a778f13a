"""Filters and update pipelines of the chunks. MongoDB runs each of them in one step, on the clock of the server."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from core.ids import key_of_chunk
from ledger.claims import ClaimRequest, ClaimToken
from ledger.mongo.connection import Document
from ledger.mongo.work_documents import OPTIONAL_WORK_FIELDS
from ledger.sweep_delays import CANCELLED_SECONDS, NEVER

CLAIMABLE: Document = {
    "open": True,
    "$expr": {
        "$and": [
            {"$lte": ["$due_at", "$$NOW"]},
            {"$or": [{"$ne": ["$parked", True]}, {"$lte": ["$sweep_at", "$$NOW"]}]},
        ]
    },
}
"""Filter of the chunks that are open, due, not parked and without a live lease.

A claim moves `due_at` to the end of its lease.
"""

_UNOWNED = {"$eq": ["$owner", None]}
_PAUSED = {"$and": [{"$eq": [{"$mod": [{"$ifNull": ["$pauses", 0]}, 2]}, 1]}, {"$not": ["$cancelled"]}]}
_EXPIRY = {"$ifNull": ["$expires_at", NEVER]}
"""Time from which a parked chunk may be claimed. See `expires_at` of ledger.models.Chunk."""


def fenced_filter(token: ClaimToken) -> Document:
    """Return the filter of the chunk while this claim owns it."""
    name = key_of_chunk(token.chunk_id) if token.in_request else token.chunk_id
    return {"_id": name, "owner": token.owner, "fence": token.fence}


def claim_pipeline(claim: ClaimRequest) -> list[Document]:
    """Return the update of a claim. An open window stays. Otherwise the next batch becomes the first window (I4)."""
    again = {"$eq": ["$owner", claim.owner]}
    open_window = {"$ne": ["$window", None]}
    chosen = {"$ifNull": ["$next.provider", "$next.sticky"]}  # older consumers chose none together with the batch
    first = {"$mergeObjects": ["$next", {"provider": chosen}]}
    return [
        {
            "$set": {
                "taken_over": {"$cond": [again, {"$ifNull": ["$taken_over", False]}, open_window]},
                "fence": {"$cond": [again, "$fence", {"$add": ["$fence", 1]}]},
                "window": {"$cond": [open_window, "$window", {"$cond": [{"$eq": ["$next", None]}, None, first]}]},
                "next": None,
                "owner": claim.owner,
                "parked": False,
                "fresh": False,
                **lease_fields(claim.lease_seconds),
            },
        },
    ]


def extend_pipeline(fields: Document, lease_seconds: float) -> list[Document]:
    """Return the update that writes the work, if there is some, and extends the lease."""
    return [{"$set": {**(_work_fields(fields) if fields else {}), **lease_fields(lease_seconds)}}]


def release_pipeline(work: Document, due_at: datetime | None) -> list[Document]:
    """Return the update that puts a chunk back without an owner and without a window."""
    soon = {"$min": [due_at, {"$add": ["$$NOW", round(CANCELLED_SECONDS * 1000)]}]} if due_at else None
    return [
        {
            "$set": {
                **_work_fields(work),
                "owner": None,
                "window": None,
                "due_at": {"$cond": ["$cancelled", soon, due_at]},
                "parked": _PAUSED,
            }
        },
        {"$set": {"sweep_at": {"$cond": ["$parked", _EXPIRY, {"$ifNull": ["$due_at", "$$NOW"]}]}}},
    ]


def erase_secrets(indices: Collection[int]) -> list[Document]:
    """Return the stage of an update that erases the secret variables of these deliveries."""
    return [{"$unset": [f"sealed_secrets.{index}" for index in indices]}] if indices else []


def cancel_pipeline() -> list[Document]:
    """Return the update that marks a chunk as cancelled. A chunk without an owner becomes due at once."""
    due = {"due_at": {"$cond": [_UNOWNED, None, "$due_at"]}, "sweep_at": {"$cond": [_UNOWNED, "$$NOW", "$sweep_at"]}}
    return [{"$set": {"cancelled": True, "parked": False, **due}}]


def pause_count_pipeline(pauses: int) -> list[Document]:
    """Return the update that sets the pause count. A chunk without an owner is parked, or becomes due again."""
    return [{"$set": {"pauses": pauses}}, *(park_pipeline() if pauses % 2 else unpark_pipeline())]


def park_pipeline() -> list[Document]:
    """Return the update of a chunk that is paused by now. Without an owner it is parked."""
    return [
        {"$set": {"parked": {"$and": [_UNOWNED, _PAUSED]}}},
        {"$set": {"sweep_at": {"$cond": ["$parked", _EXPIRY, "$sweep_at"]}}},
    ]


def unpark_pipeline() -> list[Document]:
    """Return the update of a chunk that is resumed. If it is parked, it becomes due again."""
    due_again = {"$cond": ["$parked", {"$max": ["$due_at", "$$NOW"]}, "$sweep_at"]}
    return [{"$set": {"sweep_at": due_again}}, {"$set": {"parked": False}}]


def if_open(stages: list[Document]) -> list[Document]:
    """Return an update of a chunk for the document of a request, which changes only if it has an open chunk."""
    return [
        {
            "$set": {
                name: {"$cond": [{"$eq": ["$open", True]}, value, {"$ifNull": [f"${name}", "$$REMOVE"]}]}
                for name, value in stage["$set"].items()
            }
        }
        for stage in stages
    ]


def _work_fields(fields: Mapping[str, Any]) -> Document:
    """Return the values of the fields, and remove the optional fields that are absent."""
    literals = {name: {"$literal": value} for name, value in fields.items()}
    return dict.fromkeys(OPTIONAL_WORK_FIELDS, "$$REMOVE") | literals


def lease_fields(seconds: float) -> Document:
    """Return the fields of a lease that begins when MongoDB runs the update."""
    end = {"$add": ["$$NOW", round(seconds * 1000)]}
    return {"due_at": end, "sweep_at": end, "touched_at": "$$NOW"}
