"""Due chunks: the search for their kinds, and for the chunks of one kind that claims take one by one."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Any, NamedTuple

from ledger.chunk_port import DueKind
from ledger.errors import LedgerError
from ledger.mongo.chunk_homes import ChunkHome
from ledger.mongo.chunk_pipelines import CLAIMABLE
from ledger.mongo.connection import Document, ServerClock, translated_errors
from ledger.sweep_delays import NEVER
from schemas.statuses import Channel, Lane

MAX_FOUND = 50
"""Maximum number of chunks that one search finds."""
MAX_AGE = timedelta(seconds=1)
"""Time after which found chunks are looked for again. Other processes may have claimed them."""
_KINDS = tuple(product(Lane, Channel, (False, True)))


class DueChunk(NamedTuple):
    """Place of a chunk that was due when it was looked for."""

    home: ChunkHome
    name: str
    """Id of its document."""


class DueChunks:
    """Due chunks of all kinds. Claims that come together share a search, and the next claims take what it left over."""

    def __init__(self, homes: Sequence[ChunkHome], clock: ServerClock) -> None:
        self._kinds = {kind: _DueChunksOfKind(kind, homes, clock) for kind in _KINDS}

    async def next(self, kind: DueKind) -> DueChunk | None:
        """Return the chunk of a kind that is due for the longest time, and return it only once. None if none is due."""
        return await self._kinds[kind].next()


class _DueChunksOfKind:
    def __init__(self, kind: DueKind, homes: Sequence[ChunkHome], clock: ServerClock) -> None:
        self._kind, self._clock = kind, clock
        self._homes = [home for home in homes if kind[0] in home.lanes]
        self._found: deque[DueChunk] = deque()
        self._searched_at = NEVER
        self._search: asyncio.Task[None] | None = None

    async def next(self) -> DueChunk | None:
        if self._clock.now() - self._searched_at > MAX_AGE:
            self._found.clear()
        if not self._found:
            if self._search is None or self._search.done():
                self._search = asyncio.create_task(self._find())
                self._search.add_done_callback(_read_error)
            searching = self._search
            await asyncio.wait((searching,))  # a caller that is cancelled leaves the search to the others
            if error := _read_error(searching):
                raise error
        return self._found.popleft() if self._found else None

    async def _find(self) -> None:
        lane, channel, never_claimed = self._kind
        query = {**due_filter(lane, channel, self._clock.now(), never_claimed=never_claimed), **CLAIMABLE}
        found: list[tuple[datetime, DueChunk]] = []
        with translated_errors():
            for home in self._homes:
                cursor = home.documents.find(query, {"sweep_at": True}).sort("sweep_at", 1).limit(MAX_FOUND)
                found += [(each["sweep_at"], DueChunk(home, each["_id"])) for each in await cursor.to_list(None)]
        self._found.extend(chunk for _, chunk in sorted(found, key=lambda pair: pair[0])[:MAX_FOUND])
        self._searched_at = self._clock.now()


def _read_error(search: asyncio.Task[None]) -> Exception | None:
    """Return the error of a search. Each caller gets an object of its own, which its traceback changes."""
    error = None if search.cancelled() else search.exception()
    return type(error)(*error.args) if isinstance(error, LedgerError) else error  # type: ignore[return-value]


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
