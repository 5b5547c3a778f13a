"""Format of a dead letter: the headers that everybody can read, and the sealed bytes of the rejected record.

The consumer writes dead letters. The command line reads them, and publishes their records again.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from ledger.sealing import Sealer
from schemas.topics import DEAD_LETTER_BYTES, MAX_RECORD_BYTES

RecordHeaders = Sequence[tuple[str, bytes | None]]

SEALED_NAME = "dead letter"
"""Name that the bytes of a dead letter are sealed under."""

REPLAY_HEADER = "rollcall_replay_of"
"""Header of a record that is published again. Its value is the position of the first publication."""

_ORIGIN, _REASON = "origin", "reason"
_POSITION = re.compile(r"([A-Za-z0-9._-]{1,249})/(\d{1,9})/(\d{1,18})/(\d{1,18})")

_ROOM_BYTES = DEAD_LETTER_BYTES - 64 * 1024
"""Size that a record may have in a dead letter, in bytes. The rest is for the seal and the headers of the letter."""


class LetterError(ValueError):
    """Bytes that were opened and hold no record."""


class RejectionDetails(Protocol):
    """Record as the consumer read it from Kafka."""

    @property
    def headers(self) -> RecordHeaders:
        """Return the headers in their order."""

    @property
    def value(self) -> bytes | None:
        """Return the value."""

    @property
    def origin(self) -> str:
        """Return topic/partition/offset."""

    @property
    def timestamp_ms(self) -> int:
        """Return the timestamp of the record, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """Record that was sealed in a dead letter."""

    headers: RecordHeaders = field(repr=False)
    value: bytes | None = field(repr=False)
    length: int
    """Length of the value before it was cut, in bytes."""
    place: str | None = None
    """Position of the record, topic/partition/offset/timestamp in ms. None if an older consumer wrote the letter."""
    headers_kept: bool = True
    """False if the headers were too long to be kept."""

    @property
    def cut(self) -> bool:
        """Return whether the end of the value is missing."""
        return len(self.value or b"") < self.length


def seal_record(sealer: Sealer, record: RejectionDetails) -> bytes:
    """Seal a record: four bytes of length, its headers as JSON, its value.

    A record that was compressed to pass the limit of the topic may not fit. Its value is cut, and very long headers
    are left out. `bytes` holds the length of the whole value. The position and the timestamp are sealed too, because
    they decide the id of a request that names none.
    """
    value = record.value or b""
    headers = [[name, None if data is None else base64.b64encode(data).decode()] for name, data in record.headers]
    about: dict[str, Any] = {
        "headers": headers,
        "null": record.value is None,
        "bytes": len(value),
        "origin": record.origin,
        "timestamp_ms": record.timestamp_ms,
    }
    header = orjson.dumps(about)
    if len(header) > _ROOM_BYTES - MAX_RECORD_BYTES:
        header = orjson.dumps(about | {"headers": None})
    room = _ROOM_BYTES - len(header)
    return sealer.seal(len(header).to_bytes(4, "big") + header + value[:room], SEALED_NAME)


def open_record(sealer: Sealer, sealed: bytes) -> OpenedRecord:
    """Open what `seal_record` sealed.

    Raises SealingError if the bytes cannot be opened, and LetterError if they hold no record.
    """
    plain = sealer.open(sealed, SEALED_NAME)
    try:
        length = int.from_bytes(plain[:4], "big")
        about = orjson.loads(plain[4 : 4 + length])
        headers = [(name, None if data is None else base64.b64decode(data)) for name, data in about["headers"] or ()]
        place = f"{about['origin']}/{about['timestamp_ms']}" if "origin" in about else None
        value = None if about["null"] else plain[4 + length :]
        return OpenedRecord(headers, value, about["bytes"], place, headers_kept=about["headers"] is not None)
    except (ValueError, LookupError, TypeError):
        raise LetterError("the letter holds no record: no consumer of this version wrote it") from None


def letter_headers(origin: str, reason: str) -> list[tuple[str, bytes]]:
    """Return the headers of a dead letter, which operators can read without a key."""
    return [(_ORIGIN, origin.encode()), (_REASON, reason.encode())]


def read_letter_headers(headers: Iterable[tuple[str, bytes | None]]) -> tuple[str, str]:
    """Return origin and reason. A missing one is empty. Other programs may write to the topic too."""
    found = {name: (data or b"").decode("utf-8", "replace") for name, data in headers if name in {_ORIGIN, _REASON}}
    return found.get(_ORIGIN, ""), found.get(_REASON, "")


def replay_headers(record: OpenedRecord) -> RecordHeaders:
    """Return the headers for publishing a record again: its own, and the position of the first publication.

    That position decides the id of a request that names none.
    """
    known = any(name == REPLAY_HEADER for name, _ in record.headers)
    return (
        record.headers if known or record.place is None else [*record.headers, (REPLAY_HEADER, record.place.encode())]
    )


def read_replay_header(value: bytes) -> tuple[str, int, int, int] | None:
    """Return (topic, partition, offset, timestamp in ms), or None if the value is not a position."""
    found = _POSITION.fullmatch(value.decode("ascii", "replace"))
    return (found[1], int(found[2]), int(found[3]), int(found[4])) if found else None
