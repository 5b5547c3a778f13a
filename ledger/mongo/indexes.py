"""Every index, with the query that it serves."""

from dataclasses import dataclass, field
from typing import Any

from ledger.errors import LedgerNotReady
from ledger.mongo.connection import Database, answering


@dataclass(frozen=True, slots=True)
class Index:
    """An index as `rollcall setup` creates it."""

    collection: str
    name: str
    keys: tuple[tuple[str, int], ...]
    serves: str
    options: dict[str, Any] = field(default_factory=dict)


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
        "of_tenant",
        (("head.tenant_id", 1), ("head.accepted_at", -1)),
        "a tenant's requests, newest first: where its pending deliveries are",
    ),
    Index(
        "chunks",
        "open_of_request",
        (("request", 1),),
        "I2's second question: is any chunk of the request open",
        {"partialFilterExpression": {"open": True}},
    ),
    Index(
        "chunks",
        "due",
        (("lane", 1), ("sweep_at", 1)),
        "the sweeper's claim: the open chunk of a lane that waits longest",
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
        "templates",
        "of_tenant",
        (("tenant_id", 1), ("code", 1), ("version", -1)),
        "the newest version of a tenant's template, and of each of its templates",
    ),
)


async def missing_indexes(database: Database) -> list[Index]:
    """The indexes that MongoDB does not have, or has under another definition."""
    missing = []
    with answering():
        for index in INDEXES:
            known = await database[index.collection].index_information()
            stands = known.get(index.name)
            if stands is None or [(k, int(v)) for k, v in stands["key"]] != list(index.keys):
                missing.append(index)
    return missing


async def create_indexes(database: Database) -> list[str]:
    """Create what is missing; a line for each."""
    missing = await missing_indexes(database)
    with answering():
        for index in missing:
            await database[index.collection].create_index(list(index.keys), name=index.name, **index.options)
    return [f"{index.collection}.{index.name}: {index.serves}" for index in missing]


async def check_indexes(database: Database) -> None:
    """Raise LedgerNotReady naming what is missing."""
    missing = await missing_indexes(database)
    if missing:
        names = ", ".join(f"{index.collection}.{index.name}" for index in missing)
        raise LedgerNotReady(f"MongoDB lacks the indexes {names}: run `rollcall setup`")
