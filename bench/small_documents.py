"""Documents and records of a small request by hand, with the product's shape and size.

This module uses no code of the product. Sealed values are random bytes of the same length here, so that they compress
equally. tests/flow/test_cost_per_small_request.py checks that both sides write the same statements, records and bytes.
"""

import base64
import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from bench.batches import Headers

Document = dict[str, Any]

LEASE_MS = 30_000
PROVIDER = "sim-sms"
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_SEAL_BYTES = 1 + len("dev") + 12 + 16
"""Bytes that sealing adds: the key's id and its length, a nonce, a tag."""
_LEASE_END = {"$add": ["$$NOW", LEASE_MS]}
_TIMES: Document = {
    "begun_at": "$$NOW",
    "looked_at": {"$literal": NEVER},
    "due_at": _LEASE_END,
    "sweep_at": _LEASE_END,
    "touched_at": "$$NOW",
}
_EMPTIED: Document = {"next": None, "todo": [], "later": [], "decided": [], "unacked": [], "window": None}
_REMOVED = dict.fromkeys(
    ("tried", "without_key", "accepted_pending", "cost", "doubts", "sealed_secrets", "head.sealed_secrets"), ""
)


@dataclass(frozen=True, slots=True)
class SmallRequest:
    """Small request, with everything that its writes need."""

    name: bytes
    """Key of its records."""
    intake: tuple[str, int]
    """Topic and partition of its record."""
    body: Document
    id: str
    owner: str
    masked: str
    hash: bytes

    def creation(self) -> Document:
        """Return the statement that writes the claimed request unless it exists."""
        document = {"_id": self.id, **self._request(), **self._chunk()}
        created = {"$mergeObjects": [{"$literal": document}, _TIMES]}
        absent = {"$eq": [{"$type": "$begun_at"}, "missing"]}
        change = [{"$replaceWith": {"$cond": [absent, created, "$$ROOT"]}}]
        return {"q": {"_id": self.id}, "u": change, "upsert": True}

    def _request(self) -> Document:
        text = orjson.dumps({"content": self.body["content"], "subject": None, "variables": {}})
        head = {
            "tenant_id": self.body["tenant_id"],
            "request_id": self.body["request_id"],
            "user_id": self.body["user_id"],
            "channel": self.body["channel"],
            "category": "transactional",
            "on_uncertain": "mark_unknown",
            "accepted_at": datetime.fromisoformat(self.body["accepted_at"]),
            "key_id": "dev",
            "digest": os.urandom(16),
            "sealed_text": os.urandom(_SEAL_BYTES + len(text)),
            "intake_topic": self.intake[0],
            "intake_partition": self.intake[1],
        }
        part = {
            "number": 0,
            "size": 1,
            "chunk_size": 500,
            "digest": os.urandom(16),
            "last": True,
            "default_region": "CN",
        }
        ended = {"cut": False, "announced": False, "completion": None}
        return {"head": head, "parts": {"0": part}, "highest": 0, "last_part": 0, "counted": [0], **ended}

    def _chunk(self) -> Document:
        person = self.body["recipients"][0]
        sealed = orjson.dumps([[f"+86{person['to']}", person["variables"]]])
        window = {"ranges": [[0, 1]], "attempts": 0, "tainted": [], "sticky": None, "provider": PROVIDER}
        return {
            "size": 1,
            "channel": self.body["channel"],
            "lane": "express",
            "masked": [self.masked],
            "hashes": self.hash,
            "sealed": os.urandom(_SEAL_BYTES + len(sealed)),
            "open": True,
            "cancelled": False,
            "pauses": 0,
            "expires_at": None,
            "owner": self.owner,
            "fence": 1,
            "due_at": None,
            **_EMPTIED,
            "counts": {},
            "accepted_pending": True,
            "window": window,
            "taken_over": False,
            "parked": False,
            "fresh": False,
        }

    def log(self, now: datetime) -> Document:
        """Return the log of the delivery that was sent."""
        name = f"log_{self.id}000000000"
        return {
            "_id": name,
            "tenant_id": self.body["tenant_id"],
            "request_id": self.body["request_id"],
            "channel": self.body["channel"],
            "recipient": self.masked,
            "recipient_hash": self.hash,
            "status": "sent",
            "outcome": "sent",
            "attempts": 1,
            "created_at": now,
            "updated_at": now,
            "user_id": self.body["user_id"],
            "provider": PROVIDER,
            "provider_message_id": f"sim-{name}",
            "sent_at": now,
            "encoding": "ucs2",
            "segments": 1,
        }

    def close(self, now: datetime) -> Document:
        """Return the statement that closes the chunk and completes the request."""
        completion = {"completed_at": now, "total": 1, "by_status": {"sent": 1}, "by_reason": {}, "incomplete": False}
        change = {
            "$set": {**_EMPTIED, "counts": {"sent": 1}, "open": False, "completion": completion},
            "$unset": _REMOVED,
            "$currentDate": {"looked_at": True},
        }
        return {"q": {"_id": self.id, "owner": self.owner, "fence": 1}, "u": change}

    def announcement(self) -> Document:
        """Return the statement that notes that the completion is published."""
        return {"q": {"_id": self.id}, "u": {"$set": {"announced": True}}}

    def accepted(self, time: str) -> tuple[bytes, Headers]:
        """Return value and headers of `request.accepted`."""
        return self._request_event("accepted", time, {"part": 0, "recipients": 1})

    def completed(self, time: str) -> tuple[bytes, Headers]:
        """Return value and headers of `request.completed`."""
        return self._request_event(
            "completed", time, {"total": 1, "by_status": {"sent": 1}, "by_reason": {}, "incomplete": False}
        )

    def sent(self, time: str) -> tuple[bytes, Headers]:
        """Return value and headers of `delivery.sent`."""
        event_id = f"evt_{self.id}000000000o"
        body = {
            "event_id": event_id,
            "log_id": f"log_{self.id}000000000",
            "index": 0,
            "reference": None,
            "recipient": self.masked,
            "status": "sent",
            "provider": PROVIDER,
            "reason": None,
            "error": None,
            "attempts": 1,
            "occurred_at": time,
            "request_id": self.body["request_id"],
            "part": 0,
            "tenant_id": self.body["tenant_id"],
            "channel": self.body["channel"],
            "correlation_id": None,
            "encoding": "ucs2",
            "segments": 1,
        }
        return orjson.dumps(body), _headers(event_id, b"delivery.sent", time)

    def _request_event(self, kind: str, time: str, fields: Document) -> tuple[bytes, Headers]:
        event_id = f"evt_{self.id}0000.{kind}"
        about = {"request_id": self.body["request_id"], "tenant_id": self.body["tenant_id"], "correlation_id": None}
        body = {"event_id": event_id, **about, **fields, "occurred_at": time}
        return orjson.dumps(body), _headers(event_id, b"request." + kind.encode(), time)


def read(key: bytes, value: bytes, intake: tuple[str, int], owner: str) -> SmallRequest:
    """Return the request of an intake record. Raise KeyError or ValueError if it is not a small request."""
    body = orjson.loads(value)
    digest = hashlib.sha256(key).digest()[:16]
    to = body["recipients"][0]["to"]
    request_id = base64.b32encode(digest).decode().rstrip("=").lower()
    return SmallRequest(key, intake, body, request_id, owner, f"{to[:3]}****{to[-4:]}", os.urandom(16))


def _headers(event_id: str, kind: bytes, time: str) -> Headers:
    return [
        ("ce_id", event_id.encode()),
        ("ce_type", kind),
        ("ce_source", b"rollcall"),
        ("ce_specversion", b"1.0"),
        ("ce_time", time.encode()),
    ]
