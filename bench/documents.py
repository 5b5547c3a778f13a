"""Documents and records of the ceiling, with the product's shape and size. They are rendered before its clock starts.

This module uses no code of the product. Random or sealed values are random bytes of the same length here, so that they
compress equally. tests/flow/test_cost_per_recipient.py checks that both use the same commands and bytes.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from bench.workload import CONTENT, TENANT, USER, Order, code, number

Document = dict[str, Any]
Headers = list[tuple[str, bytes]]

CHUNK, WINDOW = 500, 100
PROVIDER = "sim-sms"
SEAL_BYTES = 1 + len("dev") + 12 + 16
"""Bytes that sealing adds: the key's id and its length, a nonce, a tag."""
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
TIME = "2026-01-02T03:04:05.678Z"


@dataclass(frozen=True, slots=True)
class WindowReady:
    """Window: its logs, its events as (value, headers), and the fields that the advance after it writes."""

    logs: list[Document]
    events: list[tuple[bytes, Headers]]
    advance: Document | None
    """Fields of the advance. None for the last window, because the close writes its result."""


@dataclass(frozen=True, slots=True)
class ChunkReady:
    """Chunk: its document, its wake-up message, the hashes to search for in lower parts, its windows."""

    document: Document
    wake: bytes
    hashes: list[bytes]
    windows: list[WindowReady]
    counts: dict[str, int]

    @property
    def id(self) -> str:
        """Return the chunk's id."""
        return str(self.document["_id"])


@dataclass(frozen=True, slots=True)
class PartReady:
    """Part of a request."""

    number: int
    last: bool
    written: Document
    """Entry of the part in the request's document."""
    chunks: list[ChunkReady]
    accepted: tuple[bytes, Headers]


@dataclass(frozen=True, slots=True)
class RequestReady:
    """Complete request."""

    id: str
    key: str
    head: Document
    parts: list[PartReady]
    completed: tuple[bytes, Headers]
    recipients: int


def prepare(order: Order) -> RequestReady:
    """Render everything that the ceiling writes for one request."""
    key = hashlib.sha256(order.request_id.encode()).hexdigest()[:26]
    parts = [_part(order, key, at, first, size, last=last) for at, (first, size, last) in enumerate(order.parts())]
    counts = {"total": order.recipients, "by_status": {"sent": order.recipients}, "by_reason": {}}
    completed = _request_event(order, f"evt_{key}0000.completed", "request.completed", **counts, incomplete=False)
    return RequestReady(order.request_id, key, _head(order), parts, completed, order.recipients)


def _head(order: Order) -> Document:
    text = orjson.dumps({"content": CONTENT, "subject": None, "variables": {}})
    return {
        "tenant_id": TENANT,
        "request_id": order.request_id,
        "user_id": USER,
        "channel": "sms",
        "category": "transactional",
        "on_uncertain": "mark_unknown",
        "accepted_at": MOMENT,
        "key_id": "dev",
        "digest": os.urandom(16),
        "sealed_text": os.urandom(SEAL_BYTES + len(text)),
        "intake_topic": "communication.bulk.requests",
        "intake_partition": 0,
    }


def _part(order: Order, key: str, part: int, first: int, size: int, *, last: bool) -> PartReady:  # noqa: PLR0913
    written = {"number": part, "size": size, "chunk_size": CHUNK, "digest": os.urandom(16), "last": last}
    chunks = [
        _chunk(order, key, part, range(at, min(at + CHUNK, size)), first, searchable=part > 0 or not last)
        for at in range(0, size, CHUNK)
    ]
    event_id = f"evt_{key}{part:04x}.accepted"
    accepted = _request_event(order, event_id, "request.accepted", part=part, recipients=size)
    return PartReady(part, last, written, chunks, accepted)


def _chunk(  # noqa: PLR0913
    order: Order, key: str, part: int, indices: range, offset: int, *, searchable: bool
) -> ChunkReady:
    """Render a chunk of a part whose first recipient is number `offset` of the request."""
    people = [offset + index for index in indices]
    hashes = os.urandom(16 * len(people))
    slices = [hashes[at : at + 16] for at in range(0, len(hashes), 16)]
    masked = [_masked(person) for person in people]
    sealed = orjson.dumps([[f"+86{number(person)}", {"code": code(person)}] for person in people])
    first, end = indices.start, indices.stop
    cuts = [*range(first, end, WINDOW), end]
    document: Document = {
        "_id": f"chk_{key}{part:04x}{first:05x}",
        "request": key,
        "part": part,
        "first": first,
        "size": len(people),
        "channel": "sms",
        "lane": "bulk",
        "masked": masked,
        "hashes": hashes,
        "sealed": os.urandom(SEAL_BYTES + len(sealed)),
        "open": True,
        "cancelled": False,
        "pauses": 0,
        "expires_at": None,
        "parked": False,
        "searchable": searchable,
        "owner": None,
        "fence": 0,
        "due_at": None,
        "window": None,
        "next": {**_batch(cuts[0], cuts[1]), "provider": PROVIDER},
        "todo": [[cuts[1], end]] if cuts[1] < end else [],
        "later": [],
        "decided": [],
        "counts": {},
        "unacked": [],
        "sweep_at": MOMENT,
    }
    if searchable:
        document["lookup"] = slices
    windows = [
        WindowReady(
            [_log(order, key, part, i, masked[i - first], slices[i - first]) for i in range(cuts[at], cuts[at + 1])],
            [_outcome(order, key, part, i, masked[i - first]) for i in range(cuts[at], cuts[at + 1])],
            _advance(cuts, at + 1) if at + 2 < len(cuts) else None,
        )
        for at in range(len(cuts) - 1)
    ]
    wake = orjson.dumps({"chunk_id": document["_id"], "channel": document["channel"], "schema_version": 1})
    return ChunkReady(document, wake, slices, windows, {"sent": len(people)})


def _batch(first: int, end: int) -> Document:
    return {"ranges": [[first, end]], "attempts": 0, "tainted": [], "sticky": None}


def _advance(cuts: list[int], done: int) -> Document:
    """Return the fields after `done` windows: the next window as an intent, the previous one not yet acknowledged."""
    left = [[cuts[done + 1], cuts[-1]]] if cuts[done + 1] < cuts[-1] else []
    return {
        "next": None,
        "todo": left,
        "later": [],
        "decided": [],
        "counts": {"sent": cuts[done] - cuts[0]},
        "unacked": [[cuts[done - 1], cuts[done]]],
        "window": {**_batch(cuts[done], cuts[done + 1]), "provider": PROVIDER},
    }


def _log(order: Order, key: str, part: int, index: int, masked: str, hashed: bytes) -> Document:  # noqa: PLR0913, PLR0917
    name = f"log_{key}{part:04x}{index:05x}"
    return {
        "_id": name,
        "tenant_id": TENANT,
        "request_id": order.request_id,
        "channel": "sms",
        "recipient": masked,
        "recipient_hash": hashed,
        "status": "sent",
        "outcome": "sent",
        "attempts": 1,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "user_id": USER,
        "provider": PROVIDER,
        "provider_message_id": f"sim-{name}",
        "sent_at": MOMENT,
        "encoding": "ucs2",
        "segments": 1,
    }


def _outcome(order: Order, key: str, part: int, index: int, masked: str) -> tuple[bytes, Headers]:
    event_id = f"evt_{key}{part:04x}{index:05x}o"
    body = {
        "event_id": event_id,
        "request_id": order.request_id,
        "log_id": f"log_{key}{part:04x}{index:05x}",
        "part": part,
        "index": index,
        "reference": None,
        "tenant_id": TENANT,
        "channel": "sms",
        "recipient": masked,
        "status": "sent",
        "provider": PROVIDER,
        "reason": None,
        "error": None,
        "attempts": 1,
        "occurred_at": TIME,
        "correlation_id": None,
        "encoding": "ucs2",
        "segments": 1,
    }
    return orjson.dumps(body), _headers(event_id, "delivery.sent")


def _request_event(order: Order, event_id: str, kind: str, **fields: Any) -> tuple[bytes, Headers]:
    about = {"request_id": order.request_id, "tenant_id": TENANT, "correlation_id": None}
    body = {"event_id": event_id, **about, **fields, "occurred_at": TIME}
    return orjson.dumps(body), _headers(event_id, kind)


def _headers(event_id: str, kind: str) -> Headers:
    return [
        ("ce_id", event_id.encode()),
        ("ce_type", kind.encode()),
        ("ce_source", b"rollcall"),
        ("ce_specversion", b"1.0"),
        ("ce_time", TIME.encode()),
    ]


def _masked(person: int) -> str:
    text = number(person)
    return f"{text[:3]}****{text[-4:]}"
