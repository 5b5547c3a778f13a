"""Ids that follow from tenant, request id and position alone, so that every repeat names the same things (I5).

The one exception is `uuid7`, which makes the id of a request that the caller gave none.

A request's key is 128 bits of SHA-256 as 26 letters; a position is four hexadecimal digits of part and five of index.
So the logs of a request are one range of `_id`, in request order.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from typing import NewType
from uuid import NAMESPACE_URL, UUID, uuid5

RequestKey = NewType("RequestKey", str)
ChunkId = NewType("ChunkId", str)
LogId = NewType("LogId", str)

MAX_INDEX = 0xFFFFF
"""The largest index in a part."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no letter is mistaken for a digit
_LOG = re.compile(r"log_([0-9a-hjkmnp-tv-z]{26})([0-9a-f]{4})([0-9a-f]{5})")


def request_key(tenant_id: str, request_id: str) -> RequestKey:
    """The key under which everything of one tenant's request is stored."""
    return RequestKey(_hashed_key(tenant_id, request_id))


def template_id(tenant_id: str, code: str) -> str:
    """The id of a tenant's template, the same for all its versions."""
    return f"tpl_{_hashed_key(tenant_id, code)}"


def _hashed_key(tenant_id: str, name: str) -> str:
    """128 bits of SHA-256 over what a tenant calls by this name."""
    digest = hashlib.sha256(f"{len(tenant_id)}:{tenant_id}{name}".encode()).digest()[:16]
    number = int.from_bytes(digest, "big") << 2
    return "".join([_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)])


def chunk_id(key: RequestKey, part: int, first: int) -> ChunkId:
    """The chunk of a part that begins at index `first`."""
    return ChunkId(f"chk_{key}{part:04x}{first:05x}")


def log_id(key: RequestKey, part: int, index: int) -> LogId:
    """The log of the delivery at a position; also the delivery id that providers see."""
    return LogId(f"log_{key}{part:04x}{index:05x}")


def log_ids(key: RequestKey, part: int, indices: Iterable[int]) -> list[LogId]:
    """Return the `log_id` of many deliveries of one part. The beginning is made once for all of them."""
    prefix = f"log_{key}{part:04x}"
    return [LogId(f"{prefix}{index:05x}") for index in indices]


def index_of(log: LogId) -> int:
    """The index in its part of one of our own log ids."""
    return int(log[-5:], 16)


def log_range(key: RequestKey) -> tuple[str, str]:
    """The bounds, the upper one excluded, between which all logs of a request lie."""
    return f"log_{key}", f"log_{key}~"


def chunk_range(key: RequestKey) -> tuple[str, str]:
    """The bounds, the upper one excluded, between which all chunks of a request lie."""
    return f"chk_{key}", f"chk_{key}~"


def position(log: str) -> tuple[RequestKey, int, int] | None:
    """(request key, part, index) of a log id, or None where it is none."""
    found = _LOG.fullmatch(log)
    return (RequestKey(found[1]), int(found[2], 16), int(found[3], 16)) if found else None


def encode_position(part: int, index: int) -> int:
    """A position as one number, in request order."""
    return part << 20 | index


def decode_position(place: int) -> tuple[int, int]:
    """(part, index) of what `place_of` made of them."""
    return place >> 20, place & MAX_INDEX


def outcome_event_id(log: str) -> str:
    """The id of the one outcome event of a delivery."""
    return f"evt_{log[4:]}o"


def receipt_event_id(log: str) -> str:
    """The id of the one receipt event of a delivery."""
    return f"evt_{log[4:]}r"


def request_event_id(key: RequestKey, kind: str, part: int = 0) -> str:
    """The id of `request.<kind>`, one a part for `accepted`, one a request for `completed`."""
    return f"evt_{key}{part:04x}.{kind}"


def resend_request_id(key: RequestKey, places: Iterable[int]) -> str:
    """The id of the request that repeats these deliveries of another one, as a UUIDv5 (RFC 9562).

    A place is `place_of` a delivery. The same ones in the same order give the same id, so that a repeat is no second
    request.
    """
    chosen = hashlib.sha256()
    for place in places:
        chosen.update(place.to_bytes(5, "big"))
    return str(uuid5(NAMESPACE_URL, f"rollcall://resend/{key}/{chosen.hexdigest()}"))


def request_id_from_record(cluster: str, topic: str, partition: int, offset: int, timestamp_ms: int) -> str:
    """The request id of a Kafka record that names none: where and when it stands in the log, as a UUIDv5 (RFC 9562)."""
    return str(uuid5(NAMESPACE_URL, f"kafka://{cluster}/{topic}/{partition}/{offset}/{timestamp_ms}"))


def uuid7(now: datetime, random_bytes: bytes) -> str:
    """Return a UUID version 7 (RFC 9562, 5.7) of a time and ten random bytes, of which 74 bits are used."""
    milliseconds = int(now.timestamp() * 1000) & (1 << 48) - 1
    chance = int.from_bytes(random_bytes[:10], "big")
    number = milliseconds << 80 | 0x7 << 76 | (chance >> 62 & 0xFFF) << 64 | 0b10 << 62 | chance & (1 << 62) - 1
    return str(UUID(int=number))
