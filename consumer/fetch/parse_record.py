"""Parser of one record in the message format 2 of Kafka.

The parser of the Kafka client (aiokafka 0.14) fails for header names that are not UTF-8. It makes objects of any number
of headers. Its fast function for numbers reads beyond the end of the data.
"""

from typing import NamedTuple, Self

from aiokafka.record.util import decode_varint_py

MAX_HEADERS = 1_000
"""Maximum number of headers of a record. An object of each header takes up to sixty times its size in the record."""

_LONG = 2**63

Payload = bytes | memoryview
"""Records of a batch, one behind the other. They are parsed in place, because a copy would double the memory."""

Headers = tuple[tuple[str, bytes | None], ...]


class ParsedRecord(NamedTuple):
    """Record as the Kafka client expects it from its parser."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    checksum: None = None


class UnparsedBytes(bytes):
    """Raw bytes of a record, or of a batch of records, that cannot be parsed. They take the place of the value."""

    problem: str
    """Problem as a sentence without a subject. It contains no data."""

    def __new__(cls, raw: Payload, problem: str) -> Self:
        """Copy the bytes, because the batch around them is freed."""
        self = super().__new__(cls, raw)
        self.problem = problem
        return self


class ParseError(ValueError):
    """Bytes that are not a record. The message contains none of them."""


def read_frame(payload: Payload, position: int) -> tuple[int, int]:
    """Return start and end of the record at a position. Raise ParseError if it has no end in the payload."""
    try:
        length, start = _number(payload, position)
    except (ValueError, IndexError):
        raise ParseError("has a record without a length") from None
    if not 0 < length <= len(payload) - start:
        raise ParseError("has a record of a wrong length")
    return start, start + length


def read_offset_delta(payload: Payload, start: int) -> int | None:
    """Return the offset of a record, relative to its batch, or None if it cannot be read."""
    try:
        _, position = _number(payload, start + 1)
        return _number(payload, position)[0]
    except (ValueError, IndexError):
        return None


def parse_record(
    payload: Payload, bounds: tuple[int, int], base_offset: int, times: tuple[int, int, int]
) -> ParsedRecord:
    """Parse the record between two positions. `times` has type, first and last timestamp of its batch.

    Raise ParseError.
    """
    try:
        return _parse(payload, bounds, base_offset, times)
    except UnicodeDecodeError:
        raise ParseError("has a header name that is not UTF-8") from None
    except ParseError:
        raise
    except (ValueError, IndexError):
        raise ParseError("has a wrong structure") from None


def _parse(payload: Payload, bounds: tuple[int, int], base_offset: int, times: tuple[int, int, int]) -> ParsedRecord:
    (start, end), (kind, first, last) = bounds, times
    time_delta, position = _number(payload, start + 1)
    offset_delta, position = _number(payload, position)
    key, position = _nullable_bytes(payload, position, end)
    value, position = _nullable_bytes(payload, position, end)
    count, position = _number(payload, position)
    if not 0 <= count <= MAX_HEADERS:
        raise ParseError(f"has more than {MAX_HEADERS:,} headers")
    headers = []
    for _ in range(count):
        name, position = _nullable_bytes(payload, position, end)
        if name is None:
            raise ParseError("has a header without a name")
        content, position = _nullable_bytes(payload, position, end)
        headers.append((name.decode(), content))
    timestamp = last if kind else first + time_delta
    if position != end or not -_LONG <= timestamp < _LONG:
        raise ParseError("has a wrong structure")
    return ParsedRecord(base_offset + offset_delta, timestamp, kind, key, value, tuple(headers))


def _number(payload: Payload, position: int) -> tuple[int, int]:
    number: tuple[int, int] = decode_varint_py(payload, position)
    return number


def _nullable_bytes(payload: Payload, position: int, end: int) -> tuple[bytes | None, int]:
    length, position = _number(payload, position)
    if length < 0:
        return None, position
    if length > end - position:
        raise ParseError("has a wrong structure")
    return bytes(payload[position : position + length]), position + length
