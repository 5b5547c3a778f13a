"""Conversion of chunks to documents and back."""

from collections import Counter
from typing import Any

from core.chunk_work import Batch, Counts, DecidedDelivery, WaitingDelivery, Window, Work
from core.ids import ChunkId, RequestKey
from core.index_ranges import Ranges
from ledger.models import Chunk, ControlFlags
from ledger.mongo.connection import Document
from ledger.sealing import HASH_BYTES
from schemas.statuses import Channel, Lane, Reason, Status


def chunk_document(chunk: Chunk) -> Document:
    """Return the document to insert. The caller adds the time from which the sweeper may claim the chunk."""
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
    if chunk.references is not None:
        document["references"] = list(chunk.references)
    if chunk.resend_of is not None:
        document["resend_of"] = list(chunk.resend_of)
    if chunk.sealed_secrets:
        document["sealed_secrets"] = {str(index): sealed for index, sealed in chunk.sealed_secrets.items()}
    if chunk.searchable:
        document["lookup"] = hash_slices(chunk.hashes)
    return document


def hash_slices(hashes: bytes) -> list[bytes]:
    """Split the hashes of a chunk, one for each recipient."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def work_document(work: Work) -> Document:
    """Return the fields that the owner of a chunk rewrites."""
    return {
        "next": batch_document(work.next) if work.next else None,
        "todo": ranges_document(work.untried),
        "later": [
            [retry.index, retry.attempts, retry.not_before, retry.possibly_sent, retry.pinned_provider]
            for retry in work.retries
        ],
        "decided": [[d.index, d.status.value, d.reason.value, d.error, d.provider, d.attempts] for d in work.decided],
        "counts": counts_document(work.counts),
        "unacked": ranges_document(work.unacknowledged),
    }


def counts_document(counts: Counts) -> dict[str, int]:
    """Return the counts under names such as `sent` and `failed:rejected`."""
    return {f"{status.value}:{reason.value}" if reason else status.value: n for (status, reason), n in counts.items()}


def ranges_document(ranges: Ranges) -> list[list[int]]:
    """Return the ranges as pairs."""
    return [list(pair) for pair in ranges]


def batch_document(batch: Batch) -> Document:
    """Return the stored form of a batch."""
    return {
        "ranges": ranges_document(batch.ranges),
        "attempts": batch.attempts,
        "tainted": sorted(batch.possibly_sent),
        "sticky": batch.pinned_provider,
    }


def window_document(window: Window | None) -> Document | None:
    """Return the stored form of an open window: its batch and its provider."""
    return {**batch_document(window.batch), "provider": window.provider} if window else None


def read_ranges(pairs: list[list[int]]) -> Ranges:
    """Return the ranges of stored pairs."""
    return tuple((first, end) for first, end in pairs)


def read_counts(document: dict[str, int]) -> Counts:
    """Return the counts by status and reason."""
    counts: Counts = Counter()
    for name, number in document.items():
        status, _, reason = name.partition(":")
        counts[Status(status), Reason(reason) if reason else None] = number
    return counts


def read_batch(document: Document | None) -> Batch | None:
    """Return the batch of a document, or None without a document."""
    if document is None:
        return None
    return Batch(
        read_ranges(document["ranges"]),
        document["attempts"],
        frozenset(document["tainted"]),
        document["sticky"],
    )


def read_window(document: Document | None) -> Window | None:
    """Return the window of a document, or None without a document."""
    batch = read_batch(document)
    return Window(batch, document["provider"]) if document and batch else None


def read_work(document: Document) -> Work:
    """Return the remaining work of a chunk document."""
    return Work(
        next=read_batch(document["next"]),
        untried=read_ranges(document["todo"]),
        retries=tuple(_read_waiting(entry) for entry in document["later"]),
        decided=tuple(_read_decided(entry) for entry in document["decided"]),
        counts=read_counts(document["counts"]),
        unacknowledged=read_ranges(document["unacked"]),
    )


def _read_waiting(stored: list[Any]) -> WaitingDelivery:
    index, attempts, not_before, tainted, sticky = stored
    return WaitingDelivery(
        index=index, attempts=attempts, not_before=not_before, possibly_sent=tainted, pinned_provider=sticky
    )


def _read_decided(stored: list[Any]) -> DecidedDelivery:
    index, status, reason, error, provider, attempts = stored
    return DecidedDelivery(
        index=index, status=Status(status), reason=Reason(reason), error=error, provider=provider, attempts=attempts
    )


def read_control_flags(document: Document) -> ControlFlags:
    """Return the control flags of a request or chunk document. Older documents have no `pauses`."""
    return ControlFlags(document["cancelled"], document.get("pauses", 0))


def read_chunk(document: Document) -> Chunk:
    """Return the chunk of a document."""
    references, resend_of = document.get("references"), document.get("resend_of")
    flags = read_control_flags(document)
    return Chunk(
        id=ChunkId(document["_id"]),
        key=RequestKey(document["request"]),
        part=document["part"],
        first=document["first"],
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
        searchable=document["searchable"],
        resend_of=tuple(resend_of) if resend_of is not None else None,
        sealed_secrets={int(index): sealed for index, sealed in document.get("sealed_secrets", {}).items()},
    )
