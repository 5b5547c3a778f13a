"""Ids that depend on tenant, request id and position only, so that every repeat has the same ids (I5).

There are three exceptions. `uuid7` makes the id of a request that the caller gave none. `provider_id` and
`tenant_key_id` make ids that nothing ever had.

The key of a request is 128 bits of SHA-256 as 26 letters. A position is four hexadecimal digits of part and five of
index. The logs of a request are therefore one range of `_id`, in request order.
"""

import hashlib
import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Iterable
from datetime import datetime
from typing import NewType
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.statuses import Category, Channel

RequestKey = NewType("RequestKey", str)
ChunkId = NewType("ChunkId", str)
LogId = NewType("LogId", str)

MAX_INDEX = 0xFFFFF
"""Maximum index in a part."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no letter is mistaken for a digit
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_BASE64URL = bytes.maketrans(b"+/", b"-_")
_HASH_LETTERS = 22
"""Length of a hash of 16 bytes in base 64."""
_CHANNEL_LETTERS = {Channel.EMAIL: "e", Channel.SMS: "s"}
_CATEGORY_LETTERS = {Category.MARKETING: "m", Category.TRANSACTIONAL: "t"}
_LOG = re.compile(r"log_([0-9a-hjkmnp-tv-z]{26})([0-9a-f]{4})([0-9a-f]{5})")

_RECEIPT_EVENT = re.compile(r"evt_[0-9a-hjkmnp-tv-z]{26}[0-9a-f]{9}r")


def request_key(tenant_id: str, request_id: str) -> RequestKey:
    """Return the key under which the data of a request is stored."""
    return RequestKey(_hashed_key(tenant_id, request_id))


def template_id(tenant_id: str, code: str) -> str:
    """Return the id of a template. All its versions share the id."""
    return f"tpl_{_hashed_key(tenant_id, code)}"


def callback_key(provider: str, token: str) -> RequestKey:
    """Return the key under which a token of a provider's callback is stored. No request ever has such a key."""
    return RequestKey(f"cbk_{_hashed_key(provider, token)}")


def provider_id(random_bytes: bytes) -> str:
    """Return the id of a provider that a tenant manages itself: 80 random bits, as 16 letters."""
    return f"prv_{_random_letters(random_bytes)}"


def tenant_key_id(random_bytes: bytes) -> str:
    """Return the id of the key of a tenant: 80 random bits, as 16 letters."""
    return _random_letters(random_bytes)


def suppression_ids(key_id: str, channel: Channel, address_hashes: Iterable[bytes]) -> list[str]:
    """Return the ids of the suppressions of addresses, whose hashes have 16 bytes.

    Those of one tenant and channel follow each other. The hash is in base64url (RFC 4648, 5), without padding.
    """
    prefix = f"{key_id}{_CHANNEL_LETTERS[channel]}"
    return [prefix + letters for letters in map(_hash_letters, address_hashes)]


def _hash_letters(hashed: bytes) -> str:
    return b2a_base64(hashed, newline=False).translate(_BASE64URL)[:_HASH_LETTERS].decode()


def of_category(address_ids: Iterable[str], category: Category) -> list[str]:
    """Return ids of addresses as those of one category."""
    return [each + _CATEGORY_LETTERS[category] for each in address_ids]


def category_of_id(address_id: str) -> Category:
    """Return the category of such an id."""
    return next(category for category, letter in _CATEGORY_LETTERS.items() if letter == address_id[-1])


def channel_of_suppression(suppression: str, key_id: str) -> Channel:
    """Return the channel of suppressions by their id, and that of the key of their tenant."""
    letter = suppression[len(key_id)]
    return next(channel for channel, its in _CHANNEL_LETTERS.items() if its == letter)


def user_erasure_id(key_id: str, user_hash: bytes) -> str:
    """Return the id of the erasure of a user. That of an address has the id of its suppressions."""
    return f"{key_id}u{_hash_letters(user_hash)}"


def erased_person(erasure_id: str) -> tuple[str, bytes]:
    """Return the kind and the hash in the id of an erasure as text, and the hash."""
    letters = erasure_id[-_HASH_LETTERS:]
    return erasure_id[-_HASH_LETTERS - 1 :], urlsafe_b64decode(f"{letters}==")


def suppression_range(key_id: str, channel: Channel | None) -> tuple[str, str]:
    """Return the bounds of the ids of the suppressions of a tenant, and of a channel if one is given.

    Both bounds are excluded.
    """
    prefix = f"{key_id}{_CHANNEL_LETTERS[channel] if channel else ''}"
    return prefix, f"{prefix}~"


def _random_letters(random_bytes: bytes) -> str:
    """Return 80 of the bits as 16 letters."""
    number = int.from_bytes(random_bytes[:10], "big")
    return "".join([_PAIRS[number >> shift & 0x3FF] for shift in range(70, -1, -10)])


def _hashed_key(tenant_id: str, name: str) -> str:
    """Return 128 bits of SHA-256 over a tenant and a name, as 26 letters."""
    digest = hashlib.sha256(f"{len(tenant_id)}:{tenant_id}{name}".encode()).digest()[:16]
    number = int.from_bytes(digest, "big") << 2
    return "".join([_PAIRS[number >> shift & 0x3FF] for shift in range(120, -1, -10)])


def chunk_id(key: RequestKey, part: int, first: int) -> ChunkId:
    """Return the id of the chunk of a part that begins at index `first`."""
    return ChunkId(f"chk_{key}{part:04x}{first:05x}")


def key_of_chunk(chunk: ChunkId) -> RequestKey:
    """Return the key of the request of a chunk."""
    return RequestKey(chunk[4:30])


def key_of_log(log: LogId) -> RequestKey:
    """Return the key of the request of a log."""
    return RequestKey(log[4:30])


def log_id(key: RequestKey, part: int, index: int) -> LogId:
    """Return the id of the log at a position. Providers see it as the delivery id."""
    return LogId(f"log_{key}{part:04x}{index:05x}")


def log_ids(key: RequestKey, part: int, indices: Iterable[int]) -> list[LogId]:
    """Return the `log_id` of many deliveries of one part. The common prefix is built once."""
    prefix = f"log_{key}{part:04x}"
    return [LogId(f"{prefix}{index:05x}") for index in indices]


def index_of(log: LogId) -> int:
    """Return the index in the part from a log id of our own."""
    return int(log[-5:], 16)


def log_range(key: RequestKey) -> tuple[str, str]:
    """Return the bounds of the ids of all logs of a request. The upper bound is excluded."""
    return f"log_{key}", f"log_{key}~"


def log_bounds(key: RequestKey, part: int, first: int, size: int) -> tuple[LogId, LogId]:
    """Return the bounds of the ids of the logs of one chunk. The upper bound is excluded."""
    last = log_id(key, part, first + size - 1)
    return log_id(key, part, first), LogId(f"{last}~")


def chunk_range(key: RequestKey) -> tuple[str, str]:
    """Return the bounds of the ids of all chunks of a request. The upper bound is excluded."""
    return f"chk_{key}", f"chk_{key}~"


def position(log: str) -> tuple[RequestKey, int, int] | None:
    """Return (request key, part, index) of a log id, or None if the text is not a log id."""
    match = _LOG.fullmatch(log)
    return (RequestKey(match[1]), int(match[2], 16), int(match[3], 16)) if match else None


def encode_position(part: int, index: int) -> int:
    """Return a position as one number. The numbers are in request order."""
    return part << 20 | index


def decode_position(number: int) -> tuple[int, int]:
    """Return (part, index) of a number that `encode_position` returned."""
    return number >> 20, number & MAX_INDEX


def outcome_event_id(log: str) -> str:
    """Return the id of the only outcome event of a delivery."""
    return f"evt_{log[4:]}o"


def receipt_event_id(log: str) -> str:
    """Return the id of the only receipt event of a delivery."""
    return f"evt_{log[4:]}r"


def is_receipt_event_id(event_id: str) -> bool:
    """Return whether an event id is that of a receipt event."""
    return _RECEIPT_EVENT.fullmatch(event_id) is not None


def request_event_id(key: RequestKey, kind: str, part: int = 0) -> str:
    """Return the id of `request.<kind>`: one per part for `accepted`, one per request for `completed`."""
    return f"evt_{key}{part:04x}.{kind}"


def resend_request_id(key: RequestKey, positions: Iterable[int]) -> str:
    """Return the id of a request that repeats deliveries of another request, as a UUIDv5 (RFC 9562).

    The positions are those of `encode_position`. The same positions in the same order give the same id, so that a
    repeat is not a second request.
    """
    digest = hashlib.sha256()
    for position_number in positions:
        digest.update(position_number.to_bytes(5, "big"))
    return str(uuid5(NAMESPACE_URL, f"rollcall://resend/{key}/{digest.hexdigest()}"))


def request_id_from_record(cluster: str, topic: str, partition: int, offset: int, timestamp_ms: int) -> str:
    """Return the request id of a Kafka record without one: its position and time as a UUIDv5 (RFC 9562)."""
    return str(uuid5(NAMESPACE_URL, f"kafka://{cluster}/{topic}/{partition}/{offset}/{timestamp_ms}"))


def uuid7(now: datetime, random_bytes: bytes) -> str:
    """Return a UUID version 7 (RFC 9562, 5.7) of a time and ten random bytes, of which 74 bits are used."""
    milliseconds = int(now.timestamp() * 1000) & (1 << 48) - 1
    chance = int.from_bytes(random_bytes[:10], "big")
    number = milliseconds << 80 | 0x7 << 76 | (chance >> 62 & 0xFFF) << 64 | 0b10 << 62 | chance & (1 << 62) - 1
    return str(UUID(int=number))
