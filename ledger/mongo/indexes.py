"""Every index, with the query that it serves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import IndexModel

from ledger.errors import LedgerNotReady
from ledger.mongo.connection import Database, translated_errors


@dataclass(frozen=True, slots=True)
class Index:
    """An index as `rollcall setup` creates it."""

    collection: str
    name: str
    keys: tuple[tuple[str, int], ...]
    serves: str
    options: dict[str, Any] = field(default_factory=dict)


KEY_DAYS = 8
"""How long an idempotency key is kept: longer than the seven days that the intake keeps the record it goes with, and no
longer than a request is kept at least, for a key alone would have a request that was deleted sent again."""

INDEXES = (
    Index(
        "requests",
        "unfinished",
        (("looked_at", 1),),
        "the sweeper's question: which request lacks a noted completion and was not looked at for longest",
        {"partialFilterExpression": {"announced": False}},
    ),
    Index(
        "requests",
        "unfinished_of_tenant",
        (("head.tenant_id", 1), ("head.accepted_at", -1), ("_id", 1)),
        "where a tenant's pending deliveries are: its requests that are not completed, newest first",
        {"partialFilterExpression": {"announced": False}},
    ),
    Index(
        "requests",
        "newest_of_tenant",
        (("head.tenant_id", 1), ("head.accepted_at", -1), ("_id", 1)),
        "a tenant's requests, newest first",
    ),
    Index(
        "requests",
        "newest_of_user",
        (("head.tenant_id", 1), ("head.user_id", 1), ("head.accepted_at", -1), ("_id", 1)),
        "a user's requests, newest first",
    ),
    Index(
        "requests",
        "erasable",
        (("completion.completed_at", 1),),
        "which request was completed so long ago that what is sealed of it is erased",
        {"partialFilterExpression": {"head.sealed_text": {"$exists": True}}},
    ),
    Index(
        "requests",
        "completed",
        (("announced", 1), ("completion.completed_at", 1)),
        "which request was completed so long ago that it is deleted",
    ),
    Index(
        "chunks",
        "open_in_order",
        (("request", 1), ("_id", 1)),
        "I2's second question: is any chunk of the request open; and a page of its pending deliveries",
        {"partialFilterExpression": {"open": True}},
    ),
    Index(
        "chunks",
        "due_of_channel",
        (("lane", 1), ("channel", 1), ("fresh", 1), ("sweep_at", 1)),
        "the sweeper's claim: the open chunk of a channel in a lane that waits longest, deferred or never claimed",
        {"partialFilterExpression": {"open": True}},
    ),
    Index(
        "chunks",
        "duplicates",
        (("request", 1), ("lookup", 1)),
        "which addresses of a part stand in a lower part; only chunks of requests with several parts are in it",
        {"partialFilterExpression": {"lookup": {"$exists": True}}},
    ),
    Index(
        "communication_logs",
        "of_tenant",
        (("tenant_id", 1), ("created_at", -1), ("_id", 1)),
        "a tenant's deliveries, newest requests first, in request order",
    ),
    Index(
        "communication_logs",
        "of_user",
        (("tenant_id", 1), ("user_id", 1), ("created_at", -1), ("_id", 1)),
        "a user's deliveries, in the same order",
    ),
    Index(
        "communication_logs",
        "of_recipient",
        (("tenant_id", 1), ("recipient_hash", 1), ("created_at", -1), ("_id", 1)),
        "what one recipient got",
    ),
    Index(
        "communication_logs",
        "of_reference",
        (("tenant_id", 1), ("reference", 1), ("created_at", -1), ("_id", 1)),
        "the deliveries under a caller's reference",
        {"partialFilterExpression": {"reference": {"$exists": True}}},
    ),
    Index(
        "templates",
        "of_tenant",
        (("tenant_id", 1), ("code", 1), ("version", -1)),
        "the newest version of a tenant's template, and of each of its templates",
    ),
    Index(
        "idempotency_keys",
        "forgotten",
        (("created_at", 1),),
        f"idempotency keys are forgotten after {KEY_DAYS} days",
        {"expireAfterSeconds": KEY_DAYS * 86_400},
    ),
)


async def missing_indexes(database: Database) -> list[Index]:
    """The indexes that MongoDB does not have, or has under another definition."""
    with translated_errors():
        known = {name: await database[name].index_information() for name in _collections(INDEXES)}
    return [index for index in INDEXES if not _exists(index, known[index.collection].get(index.name))]


async def create_indexes(database: Database) -> list[str]:
    """Create what is missing, those of one collection in one reading of it; a line for each."""
    missing = await missing_indexes(database)
    with translated_errors():
        for name in _collections(missing):
            await database[name].create_indexes([_model(index) for index in missing if index.collection == name])
    return [f"{index.collection}.{index.name}: {index.serves}" for index in missing]


def _collections(indexes: Iterable[Index]) -> list[str]:
    return list(dict.fromkeys(index.collection for index in indexes))


def _exists(index: Index, known: Mapping[str, Any] | None) -> bool:
    return known is not None and [(name, int(way)) for name, way in known["key"]] == list(index.keys)


def _model(index: Index) -> IndexModel:
    return IndexModel(list(index.keys), name=index.name, **index.options)


async def check_indexes(database: Database) -> None:
    """Raise LedgerNotReady naming what is missing."""
    missing = await missing_indexes(database)
    if missing:
        names = ", ".join(f"{index.collection}.{index.name}" for index in missing)
        raise LedgerNotReady(f"MongoDB lacks the indexes {names}: run `rollcall setup`")
