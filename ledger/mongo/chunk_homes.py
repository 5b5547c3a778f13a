"""Collections whose documents hold chunks. Only this folder knows where the chunk of a request is stored.

A chunk is a document of `chunks`. The only chunk of a small request may be part of the request's own document instead.
Its fields have the same names there, beside those of the request. So the same filters and updates serve both. The
control flags are fields of both, and one write changes both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from motor.motor_asyncio import AsyncIOMotorCollection

from core.ids import ChunkId, RequestKey, chunk_id, chunk_range, key_of_chunk
from ledger.mongo.connection import Document
from ledger.mongo.grouped_writes import GroupedUpdatesAndReads
from schemas.statuses import Lane

REQUEST_FIELDS = (
    "head",
    "parts",
    "highest",
    "last_part",
    "begun_at",
    "looked_at",
    "counted",
    "cut",
    "announced",
    "completion",
    "lost",
    "reserved",
)
"""Fields that only a request has. The control flags belong to its chunk as well."""

CHUNK_FIELDS = (
    "size",
    "masked",
    "hashes",
    "references",
    "sealed",
    "sealed_secrets",
    "next",
    "todo",
    "later",
    "decided",
    "counts",
    "unacked",
    "tried",
    "cost",
    "doubts",
    "window",
)
"""Fields of a chunk that are left out when only its request is read. The others are small."""

WITHOUT_CHUNK: Document = dict.fromkeys((*CHUNK_FIELDS, "reserved"), False)
"""Projection of a request without its chunk, and without the reservations from its budget."""


@dataclass(frozen=True, slots=True)
class ChunkHome:
    """Collection of chunks."""

    documents: AsyncIOMotorCollection[Document]
    in_request: bool
    """True for the collection of the requests."""
    claims: GroupedUpdatesAndReads = field(init=False)

    def __post_init__(self) -> None:
        """Share the claims of this collection."""
        claims = GroupedUpdatesAndReads(self.documents, projection=self.claimed)
        object.__setattr__(self, "claims", claims)

    @property
    def lanes(self) -> Sequence[Lane]:
        """Return the lanes of the chunks here. A small request is always express."""
        return (Lane.EXPRESS,) if self.in_request else tuple(Lane)

    @property
    def claimed(self) -> Document:
        """Return the projection of a chunk for its owner."""
        return dict.fromkeys(REQUEST_FIELDS if self.in_request else ("lookup",), False)

    def ids_of(self, chunks: Sequence[ChunkId]) -> list[str]:
        """Return the ids of the documents in which these chunks may be."""
        if not self.in_request:
            return list(chunks)
        return [key for chunk in chunks if chunk == chunk_id(key := key_of_chunk(chunk), 0, 0)]

    def of_request(self, key: RequestKey) -> Document:
        """Return the filter of the chunks of a request."""
        if self.in_request:
            return {"_id": key, "open": {"$exists": True}}
        low, high = chunk_range(key)
        return {"_id": {"$gte": low, "$lt": high}}

    def open_of_request(self, key: RequestKey, part: int | None = None) -> Document:
        """Return the filter of the open chunks of a request, or of one part."""
        if self.in_request:
            return {"_id": key, "open": True}
        query: Document = {"request": key, "open": True}
        return query if part is None else {**query, "part": part}
