"""Encoding of a request as intake records: parts of limited size, in order, under one key.

The encoder works on a stream. Recipients may come from an iterator of unknown length, and one part at a time is in
memory. The same fields and recipients give the same parts, so that a repeat produces the same records.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from core.ids import MAX_INDEX
from core.rfc3339 import rfc3339
from schemas.mail_fields import ONE_RECIPIENT
from schemas.record_base import SCHEMA_VERSION
from schemas.requests import MAX_PARTS, AnyRecipient, BulkBody
from schemas.statuses import Lane
from schemas.topic_definitions import MAX_INTAKE_BYTES, Topics

MAX_SHARED_FIELDS_BYTES = MAX_INTAKE_BYTES // 2
"""Maximum size of all fields but the recipients, in bytes of JSON. It is half a record: every part repeats them."""

_PER_PART = frozenset({"recipients", "part", "last"})
_FRAME_BYTES = len(b',"part":65535,"last":false,"recipients":[]}')


class RequestEncodingError(ValueError):
    """Error in a request that cannot be encoded. It names the field and shows no value."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True, repr=False)
class EncodedPart:
    """Record for an intake topic. Its repr shows no address."""

    key: bytes
    value: bytes
    part: int
    last: bool
    recipients: int
    """Number of recipients in the part."""

    def __repr__(self) -> str:
        return f"EncodedPart({self.part}, last={self.last}, recipients={self.recipients}, bytes={len(self.value)})"


def request_fields(
    body: BulkBody, *, tenant_id: str, user_id: str | None, request_id: str, accepted_at: datetime
) -> dict[str, Any]:
    """Return the fields that all parts of a BulkRequest share, ready for JSON. Fields without a value are left out."""
    return {
        **body.model_dump(mode="json", exclude={"recipients"}, exclude_none=True),
        "user_id": user_id,
        "tenant_id": tenant_id,
        "request_id": request_id,
        "accepted_at": rfc3339(accepted_at),
        "schema_version": SCHEMA_VERSION,
    }


def recipient_json(recipient: AnyRecipient) -> str | dict[str, Any]:
    """Return a validated recipient for JSON. A string stays a string, an object keeps the given fields."""
    if isinstance(recipient, str):
        return recipient
    # Built by hand, because model_dump takes three times as long and there are a hundred thousand recipients.
    fields: dict[str, Any] = {"to": recipient.to}
    if recipient.variables:
        fields["variables"] = recipient.variables
    if recipient.reference is not None:
        fields["reference"] = recipient.reference
    if recipient.region is not None:
        fields["region"] = recipient.region
    if recipient.timezone is not None:
        fields["timezone"] = recipient.timezone
    return fields


def encode_parts(head: Mapping[str, Any], recipients: Iterable[str | Mapping[str, Any]]) -> Iterator[EncodedPart]:
    """Yield the parts of a request, each at most MAX_INTAKE_BYTES.

    `head` is the result of `request_fields`. Its `request_id` is the key of every part. Raises RequestEncodingError,
    also after some parts: if the head or a recipient is too large or cannot be JSON, if there are no recipients, or if
    there are too many parts.
    """
    encoder = PartEncoder(head)
    for recipient in recipients:
        yield from encoder.add(recipient)
    yield encoder.finish()


class PartEncoder:
    """Encoder for callers that have the recipients a few at a time. See `encode_parts`."""

    def __init__(self, head: Mapping[str, Any]) -> None:
        self._start = _encode_head(head)
        self._key = str(head["request_id"]).encode()
        self._room = MAX_INTAKE_BYTES - len(self._start) - _FRAME_BYTES
        self._filled = bytearray()
        self._count = self._part = self._number = 0
        self._has_cc = bool(head.get("cc"))

    def add(self, recipient: str | Mapping[str, Any]) -> Sequence[EncodedPart]:
        """Add one recipient. Return the full part that had no room for it, if there is one."""
        if self._has_cc and self._number:
            raise RequestEncodingError("cc", ONE_RECIPIENT)
        item = _encode(f"recipients[{self._number}]", recipient)
        if len(item) > self._room:
            raise RequestEncodingError(f"recipients[{self._number}]", "does not fit into one record")
        full: Sequence[EncodedPart] = ()
        if self._count and (len(self._filled) + 1 + len(item) > self._room or self._count > MAX_INDEX):
            full = (self._finish_part(last=False),)
            self._filled, self._count, self._part = bytearray(), 0, self._part + 1
            if self._part >= MAX_PARTS:
                raise RequestEncodingError("recipients", f"must fit into at most {MAX_PARTS} parts")
        # Copied at once, because the result of orjson for one short string keeps 4 KB alive.
        self._filled += b"," + item if self._count else item
        self._count += 1
        self._number += 1
        return full

    def finish(self) -> EncodedPart:
        """Return the last part."""
        if not self._count:
            raise RequestEncodingError("recipients", "at least one is required")
        return self._finish_part(last=True)

    def _finish_part(self, *, last: bool) -> EncodedPart:
        frame = b',"part":%d,"last":%s,"recipients":[' % (self._part, b"true" if last else b"false")
        value = b"".join((self._start, frame, self._filled, b"]}"))
        return EncodedPart(self._key, value, self._part, last, self._count)


def choose_lane(first: EncodedPart, chunk_size: int) -> Lane:
    """Return the lane of a request by its first part. Express is one part of at most one chunk."""
    return Lane.EXPRESS if first.last and first.recipients <= chunk_size else Lane.BULK


def intake_topic(topics: Topics, lane: Lane) -> str:
    """Return the intake topic of a lane."""
    return topics.requests_express if lane is Lane.EXPRESS else topics.requests


def position_of(sizes: Sequence[int], number: int) -> tuple[int, int]:
    """Return (part, index) of a recipient by its number from 0, if the parts have `sizes` recipients."""
    for part, size in enumerate(sizes):
        if number < size:
            return part, number
        number -= size
    raise IndexError("beyond the last recipient")


def _encode_head(head: Mapping[str, Any]) -> bytes:
    """Return the JSON of the head without its closing brace."""
    if not _PER_PART.isdisjoint(head) or not head.get("request_id"):
        raise ValueError("a head must have a request_id, and must not have recipients, part or last")
    sizes = {name: len(_encode(name, value)) for name, value in head.items()}
    encoded = _encode("request", head)
    if len(encoded) > MAX_SHARED_FIELDS_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise RequestEncodingError(
            largest, f"all fields but the recipients take more than {MAX_SHARED_FIELDS_BYTES} bytes as JSON"
        )
    return encoded[:-1]


def _encode(field: str, value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # Raised without its cause, because the message of orjson may quote the value.
        raise RequestEncodingError(field, "is not JSON in UTF-8") from None
