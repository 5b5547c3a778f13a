"""Conversion of chunks to documents and back."""

from datetime import datetime, timedelta

from core.chunk_work import Counts, Work
from core.ids import ChunkId, RequestKey, chunk_id
from core.money import Cost
from ledger.claims import ClaimResult
from ledger.models import Chunk, ControlFlags
from ledger.mongo.connection import Document
from ledger.mongo.work_documents import OPTIONAL_WORK_FIELDS, read_work, window_document, work_document
from ledger.sealing import HASH_BYTES
from ledger.sweep_delays import NEVER, UNCLAIMED_SECONDS
from schemas.statuses import Channel, Lane


def chunk_document(chunk: Chunk) -> Document:
    """Return the document of a chunk without the fields that tell who may claim it, and when.

    The fields that follow from the id of a request are left out in its own document.
    """
    document: Document = {
        "_id": chunk.id,
        "request": chunk.key,
        "part": chunk.part,
        "first": chunk.first,
        "size": chunk.size,
        "channel": chunk.channel.value,
        "lane": chunk.lane.value,
        "masked": list(chunk.masked),
        "hashes": chunk.hashes,
        "sealed": chunk.sealed,
        "open": True,
        "cancelled": chunk.cancelled,
        "pauses": chunk.pauses,
        "expires_at": chunk.expires_at,
        "searchable": chunk.searchable,
        "owner": None,
        "fence": 0,
        "due_at": chunk.due_at,
        "window": None,
        **work_document(chunk.work),
    }
    if chunk.in_request:
        for name in ("_id", "request", "part", "first", "searchable"):
            del document[name]
    if chunk.references is not None:
        document["references"] = list(chunk.references)
    if chunk.resend_of is not None:
        document["resend_of"] = list(chunk.resend_of)
    if chunk.sealed_secrets:
        document["sealed_secrets"] = {str(index): sealed for index, sealed in chunk.sealed_secrets.items()}
    if chunk.searchable:
        document["lookup"] = hash_slices(chunk.hashes)
    return document


def unclaimed_document(chunk: Chunk, now: datetime) -> Document:
    """Return the document of a chunk without an owner, with the time from which the sweeper may claim it."""
    sweep_at = chunk.due_at or now + timedelta(seconds=UNCLAIMED_SECONDS)
    if parked := chunk.control_flags.paused:
        sweep_at = chunk.expires_at or NEVER
    return {**chunk_document(chunk), "sweep_at": sweep_at, "parked": parked, "fresh": chunk.due_at is None}


def claimed_document(claimed: ClaimResult) -> Document:
    """Return the document of a chunk that is written together with its claim, without the times of the lease."""
    owned = {"owner": claimed.token.owner, "fence": claimed.token.fence, "window": window_document(claimed.window)}
    return {**chunk_document(claimed.chunk), **owned, "taken_over": False, "parked": False, "fresh": False}


def closed_document(counts: Counts, cost: Cost) -> tuple[Document, Document]:
    """Return the fields that the close of a chunk sets, and those that it removes."""
    emptied = {**work_document(Work(counts=counts, cost=cost)), "window": None, "open": False}
    removed = [name for name in (*OPTIONAL_WORK_FIELDS, "sealed_secrets") if name not in emptied]
    return emptied, dict.fromkeys(removed, "")


def hash_slices(hashes: bytes) -> list[bytes]:
    """Split the hashes of a chunk, one for each recipient."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def read_control_flags(document: Document) -> ControlFlags:
    """Return the control flags of a request or chunk document. Older documents have no `pauses`."""
    return ControlFlags(document["cancelled"], document.get("pauses", 0))


def read_chunk(document: Document) -> Chunk:
    """Return the chunk of a document."""
    references, resend_of = document.get("references"), document.get("resend_of")
    flags, in_request = read_control_flags(document), "request" not in document
    key = RequestKey(document["_id"] if in_request else document["request"])
    return Chunk(
        id=chunk_id(key, 0, 0) if in_request else ChunkId(document["_id"]),
        key=key,
        part=document.get("part", 0),
        first=document.get("first", 0),
        size=document["size"],
        channel=Channel(document["channel"]),
        lane=Lane(document["lane"]),
        masked=tuple(document["masked"]),
        hashes=document["hashes"],
        references=tuple(references) if references is not None else None,
        sealed=document.get("sealed", b""),  # erased, or not in the projection
        work=read_work(document),
        due_at=document["due_at"],
        cancelled=flags.cancelled,
        pauses=flags.pauses,
        expires_at=document.get("expires_at"),
        searchable=document.get("searchable", False),
        resend_of=tuple(resend_of) if resend_of is not None else None,
        sealed_secrets={int(index): sealed for index, sealed in document.get("sealed_secrets", {}).items()},
        in_request=in_request,
    )
