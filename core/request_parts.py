"""How a request becomes records of the intake: parts that fit, in order, under one key.

It works on a stream: recipients may come from an iterator of unknown length, and one part at a time is held.
The same head and the same recipients give the same parts, so that a repeat is the same records again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from core.ids import MAX_INDEX
from core.rfc3339 import rfc3339
from schemas.record_base import SCHEMA_VERSION
from schemas.requests import MAX_PARTS, AnyRecipient, BulkBody
from schemas.statuses import Lane
from schemas.topics import MAX_INTAKE_BYTES, Topics

MAX_HEAD_BYTES = MAX_INTAKE_BYTES // 2
"""What all but the recipients may weigh as JSON: it is repeated in every part, so half of a record at most."""

_PER_PART = frozenset({"recipients", "part", "last"})
_FRAME_BYTES = len(b',"part":65535,"last":false,"recipients":[]}')


class RequestEncodingError(ValueError):
    """A request that cannot travel. Names the field, shows no value."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True, repr=False)
class EncodedPart:
    """One record for an intake topic. Its repr shows no address."""

    key: bytes
    value: bytes
    part: int
    last: bool
    recipients: int
    """How many recipients the part carries."""

    def __repr__(self) -> str:
        return f"IntakePart({self.part}, last={self.last}, recipients={self.recipients}, bytes={len(self.value)})"


def request_fields(
    body: BulkBody, *, tenant_id: str, user_id: str | None, request_id: str, accepted_at: datetime
) -> dict[str, Any]:
    """All fields of a BulkRequest but those of a single part, ready for JSON; absent where they say nothing."""
    return {
        **body.model_dump(mode="json", exclude={"recipients"}, exclude_none=True),
        "user_id": user_id,
        "tenant_id": tenant_id,
        "request_id": request_id,
        "accepted_at": rfc3339(accepted_at),
        "schema_version": SCHEMA_VERSION,
    }


def recipient_json(recipient: AnyRecipient) -> str | dict[str, Any]:
    """A checked recipient as it travels: a string stays one, an object keeps what was said."""
    if isinstance(recipient, str):
        return recipient
    # By hand: model_dump takes three times as long, and there are a hundred thousand.
    said: dict[str, Any] = {"to": recipient.to}
    if recipient.variables:
        said["variables"] = recipient.variables
    if recipient.reference is not None:
        said["reference"] = recipient.reference
    return said


def encode_parts(head: Mapping[str, Any], recipients: Iterable[str | Mapping[str, Any]]) -> Iterator[EncodedPart]:
    """The parts of a request, each at most MAX_INTAKE_BYTES.

    `head` is what `request_head` gives; its `request_id` is the key of every part. Raises IntakeError, also after
    parts were given out: when the head or a recipient is too large or cannot be JSON, there are no recipients, or there
    are too many parts.
    """
    filling = PartEncoder(head)
    for recipient in recipients:
        yield from filling.add(recipient)
    yield filling.finish()


class PartEncoder:
    """The same for whoever has the recipients a few at a time."""

    def __init__(self, head: Mapping[str, Any]) -> None:
        self._start = _encode_head(head)
        self._key = str(head["request_id"]).encode()
        self._room = MAX_INTAKE_BYTES - len(self._start) - _FRAME_BYTES
        self._filled = bytearray()
        self._count = self._part = self._number = 0

    def add(self, recipient: str | Mapping[str, Any]) -> Sequence[EncodedPart]:
        """Take one more recipient; the part that had no room for it, if any."""
        item = _encode(f"recipients[{self._number}]", recipient)
        if len(item) > self._room:
            raise RequestEncodingError(f"recipients[{self._number}]", "does not fit into one record")
        full: Sequence[EncodedPart] = ()
        if self._count and (len(self._filled) + 1 + len(item) > self._room or self._count > MAX_INDEX):
            full = (self._made(last=False),)
            self._filled, self._count, self._part = bytearray(), 0, self._part + 1
            if self._part >= MAX_PARTS:
                raise RequestEncodingError("recipients", f"need more than {MAX_PARTS} parts")
        # Copied at once: what orjson gives for one short string keeps 4 KB alive.
        self._filled += b"," + item if self._count else item
        self._count += 1
        self._number += 1
        return full

    def finish(self) -> EncodedPart:
        """The last part."""
        if not self._count:
            raise RequestEncodingError("recipients", "at least one is required")
        return self._made(last=True)

    def _made(self, *, last: bool) -> EncodedPart:
        frame = b',"part":%d,"last":%s,"recipients":[' % (self._part, b"true" if last else b"false")
        value = b"".join((self._start, frame, self._filled, b"]}"))
        return EncodedPart(self._key, value, self._part, last, self._count)


def choose_lane(first: EncodedPart, chunk_size: int) -> Lane:
    """The lane of a request, known from its first part: express is one part of at most one chunk."""
    return Lane.EXPRESS if first.last and first.recipients <= chunk_size else Lane.BULK


def intake_topic(topics: Topics, lane: Lane) -> str:
    """The topic that takes the requests of a lane."""
    return topics.requests_express if lane is Lane.EXPRESS else topics.requests


def position_of(sizes: Sequence[int], number: int) -> tuple[int, int]:
    """(part, index) of a request's recipient, counted from 0, when its parts hold `sizes` recipients."""
    for part, size in enumerate(sizes):
        if number < size:
            return part, number
        number -= size
    raise IndexError("beyond the last recipient")


def _encode_head(head: Mapping[str, Any]) -> bytes:
    """The head's JSON without its closing brace."""
    if not _PER_PART.isdisjoint(head) or not head.get("request_id"):
        raise ValueError("a head has a request_id, and neither recipients nor part nor last")
    sizes = {name: len(_encode(name, value)) for name, value in head.items()}
    encoded = _encode("request", head)
    if len(encoded) > MAX_HEAD_BYTES:
        heaviest = max(sizes, key=lambda name: sizes[name])
        raise RequestEncodingError(heaviest, f"all but the recipients takes more than {MAX_HEAD_BYTES} bytes as JSON")
    return encoded[:-1]


def _encode(field: str, value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # Said without its cause: orjson's message may quote the value.
        raise RequestEncodingError(field, "is not JSON in UTF-8") from None
