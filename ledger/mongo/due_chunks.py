"""Search for the kinds of chunks that are due."""

from collections.abc import Collection
from datetime import datetime
from itertools import product
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection

from ledger.chunk_port import DueKind
from ledger.mongo.connection import Document
from schemas.statuses import Channel, Lane

_KINDS = tuple(product(Lane, Channel, (False, True)))


def due_filter(lane: Lane, channel: Channel, now: datetime, *, never_claimed: bool) -> Document:
    """Return the filter of the open chunks of a kind that are due. It is a range of the index `due_of_channel`."""
    # A chunk of an older version has no field `fresh`.
    fresh: Any = True if never_claimed else {"$in": [False, None]}
    return {"lane": lane.value, "channel": channel.value, "open": True, "fresh": fresh, "sweep_at": {"$lte": now}}


async def find_due_kinds(chunks: AsyncIOMotorCollection[Document], now: datetime) -> Collection[DueKind]:
    """Return the kinds of which a chunk is due. One command reads one entry of the index for each kind."""
    first, *others = (_one_of(kind, number, now) for number, kind in enumerate(_KINDS))
    stages = [*first, *({"$unionWith": {"coll": chunks.name, "pipeline": other}} for other in others)]
    return {_KINDS[document["kind"]] for document in await chunks.aggregate(stages).to_list(None)}


def _one_of(kind: DueKind, number: int, now: datetime) -> list[Document]:
    lane, channel, never_claimed = kind
    match = due_filter(lane, channel, now, never_claimed=never_claimed)
    return [{"$match": match}, {"$limit": 1}, {"$project": {"_id": False, "kind": {"$literal": number}}}]
