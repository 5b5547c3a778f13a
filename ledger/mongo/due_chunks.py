"""Search for the kinds of chunks that are due."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from ledger.chunk_port import DueKind
from ledger.mongo.chunk_homes import ChunkHome
from ledger.mongo.connection import Document
from schemas.statuses import Channel, Lane

_KINDS = tuple(product(Lane, Channel, (False, True)))


def due_filter(lane: Lane, channel: Channel, now: datetime, *, never_claimed: bool) -> Document:
    """Return the filter of the open chunks of a kind that are due. It is a range of the index `due_of_channel`."""
    # A chunk of an older version has no field `fresh`.
    fresh: Any = True if never_claimed else {"$in": [False, None]}
    return {"lane": lane.value, "channel": channel.value, "open": True, "fresh": fresh, "sweep_at": {"$lte": now}}


async def find_due_kinds(homes: Sequence[ChunkHome], now: datetime) -> Collection[DueKind]:
    """Return the kinds of which a chunk is due. One command reads one entry of an index for each kind."""
    searches = [
        {"$unionWith": {"coll": home.documents.name, "pipeline": _one_of(kind, number, now)}}
        for home in homes
        for number, kind in enumerate(_KINDS)
        if kind[0] in home.lanes
    ]
    nothing: Document = {"$match": {"_id": {"$in": []}}}
    found = await homes[0].documents.aggregate([nothing, *searches]).to_list(None)
    return {_KINDS[document["kind"]] for document in found}


def _one_of(kind: DueKind, number: int, now: datetime) -> list[Document]:
    lane, channel, never_claimed = kind
    match = due_filter(lane, channel, now, never_claimed=never_claimed)
    return [{"$match": match}, {"$limit": 1}, {"$project": {"_id": False, "kind": {"$literal": number}}}]
