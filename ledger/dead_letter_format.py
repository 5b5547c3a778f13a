"""Format of a dead letter: headers that can be read without a key, and the sealed bytes of the rejected record.

The consumer writes dead letters. The command line reads them and publishes their records again.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import orjson

from ledger.sealing import Sealer
from schemas.topic_definitions import DEAD_LETTER_BYTES, MAX_RECORD_BYTES

RecordHeaders = Sequence[tuple[str, bytes | None]]

SEALED_NAME = "dead letter"
"""Name that the bytes of a dead letter are sealed under."""

REPLAY_HEADER = "rollcall_replay_of"
"""Header of a record that is published again. Its value is the position of the first publication."""

_ORIGIN, _REASON = "origin", "reason"
_TENANT, _REQUEST, _FIELDS = "tenant_id", "request_id", "fields"
_REPLAYED, _REPLAYED_AS = "rollcall_replayed", "rollcall_replayed_as"
_POSITION = re.compile(r"([A-Za-z0-9._-]{1,249})/(\d{1,9})/(\d{1,18})/(-?\d{1,19})")
_LONGEST_POSITION = 300
"""Maximum length of a position in bytes."""

MAX_CONTENT_BYTES = DEAD_LETTER_BYTES - 64 * 1024
"""Maximum size of a record in a dead letter, in bytes. The rest is for the seal and the Kafka headers."""


class DeadLetterError(ValueError):
    """Opened bytes that do not contain a record."""


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

    @property
    def unparsed(self) -> str | None:
        """Return why the value has raw bytes, or None."""


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """Record that was sealed in a dead letter."""

    headers: RecordHeaders = field(repr=False)
    value: bytes | None = field(repr=False)
    length: int
    """Length of the value before it was shortened, in bytes."""
    place: str | None = None
    """Position of the record, topic/partition/offset/timestamp in ms. None if an older consumer wrote it."""
    headers_kept: bool = True
    """False if the headers were too long to be kept."""
    unparsed: str | None = None
    """Problem of a record that the Kafka client could not parse. The value has its raw bytes."""

    @property
    def cut(self) -> bool:
        """Return whether the end of the value is missing."""
        return len(self.value or b"") < self.length


def seal_record(sealer: Sealer, record: RejectionDetails, max_bytes: int = MAX_CONTENT_BYTES) -> bytes:
    """Seal a record: four bytes of length, its headers as JSON, its value.

    A record that was compressed to pass the limit of the topic may not fit into `max_bytes`. Its value is then
    shortened, and very long headers are left out. `bytes` holds the length of the whole value. The position and the
    timestamp are sealed too, because the id of a request without an id of its own is made from them.
    """
    value = record.value or b""
    headers = [[name, None if data is None else base64.b64encode(data).decode()] for name, data in record.headers]
    about: dict[str, Any] = {
        "headers": headers,
        "null": record.value is None,
        "bytes": len(value),
        "origin": record.origin,
        "timestamp_ms": record.timestamp_ms,
        **({"unparsed": record.unparsed} if record.unparsed else {}),
    }
    header = orjson.dumps(about)
    if len(header) > max(max_bytes - MAX_RECORD_BYTES, max_bytes // 16):
        header = orjson.dumps(about | {"headers": None})
    room = max(max_bytes - len(header), 0)
    return sealer.seal(len(header).to_bytes(4, "big") + header + value[:room], SEALED_NAME)


def open_record(sealer: Sealer, sealed: bytes) -> OpenedRecord:
    """Open what `seal_record` sealed.

    Raise SealingError if the bytes cannot be opened, or DeadLetterError if they do not contain a record.
    """
    plain = sealer.open(sealed, SEALED_NAME)
    try:
        length = int.from_bytes(plain[:4], "big")
        about = orjson.loads(plain[4 : 4 + length])
        headers = [(name, None if data is None else base64.b64decode(data)) for name, data in about["headers"] or ()]
        position = f"{about['origin']}/{about['timestamp_ms']}" if "origin" in about else None
        value = None if about["null"] else plain[4 + length :]
        kept = about["headers"] is not None
        return OpenedRecord(headers, value, about["bytes"], position, kept, about.get("unparsed"))
    except (ValueError, LookupError, TypeError):
        raise DeadLetterError(
            "the dead letter does not contain a record. Another version of the consumer may have written it"
        ) from None


class RejectedRequest(NamedTuple):
    """Request of a rejected record, as far as it could be read."""

    tenant_id: str | None = None
    request_id: str | None = None
    fields: Sequence[str] = ()
    """Names of the fields that caused the rejection."""


UNKNOWN_REQUEST = RejectedRequest()


def dead_letter_headers(
    origin: str, reason: str, request: RejectedRequest = UNKNOWN_REQUEST
) -> list[tuple[str, bytes]]:
    """Return the headers of a dead letter, which operators can read without a key. What is not known has no header."""
    about = {_TENANT: request.tenant_id, _REQUEST: request.request_id, _FIELDS: ",".join(request.fields)}
    known = [(name, text.encode()) for name, text in about.items() if text]
    return [(_ORIGIN, origin.encode()), (_REASON, reason.encode()), *known]


def read_dead_letter_headers(headers: Iterable[tuple[str, bytes | None]]) -> tuple[str, str]:
    """Return origin and reason. A missing one is empty. Other programs may write to the topic too."""
    text = _readable(headers)
    return text.get(_ORIGIN, ""), text.get(_REASON, "")


def read_rejected_request(headers: Iterable[tuple[str, bytes | None]]) -> RejectedRequest:
    """Return the request of a dead letter. An older consumer did not write it."""
    text = _readable(headers)
    return RejectedRequest(text.get(_TENANT), text.get(_REQUEST), tuple(filter(None, text.get(_FIELDS, "").split(","))))


def replay_note_headers(dead_letter: str, new_position: str) -> list[tuple[str, bytes]]:
    """Return the headers of the note that a dead letter was replayed.

    `dead_letter` is its partition/offset, and `new_position` is topic/partition/offset of the replayed record.
    """
    return [(_REPLAYED, dead_letter.encode()), (_REPLAYED_AS, new_position.encode())]


def read_replay_note(headers: Iterable[tuple[str, bytes | None]]) -> tuple[str, str] | None:
    """Return the dead letter and the new position of its record, or None if these headers are not those of a note."""
    text = _readable(headers)
    return (text[_REPLAYED], text.get(_REPLAYED_AS, "")) if _REPLAYED in text else None


def _readable(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    return {name: (data or b"").decode("utf-8", "replace") for name, data in headers}


def replay_headers(record: OpenedRecord) -> RecordHeaders:
    """Return the headers for publishing a record again: its own headers, and the position of the first publication.

    The id of a request without an id of its own is made from that position.
    """
    has_position = any(name == REPLAY_HEADER for name, _ in record.headers)
    return (
        record.headers
        if has_position or record.place is None
        else [*record.headers, (REPLAY_HEADER, record.place.encode())]
    )


def read_replay_header(value: bytes) -> tuple[str, int, int, int] | None:
    """Return (topic, partition, offset, timestamp in ms), or None if the value is not a position."""
    match = _POSITION.fullmatch(value.decode("ascii", "replace")) if len(value) <= _LONGEST_POSITION else None
    return (match[1], int(match[2]), int(match[3]), int(match[4])) if match else None
