"""Parser of the record batches in an answer of Kafka. It takes the place of `MemoryRecords` in aiokafka 0.14.

What cannot be parsed becomes a record whose value is `UnparsedBytes`. So the reader decides about it, and the position
moves on. A batch is parsed when its first record is asked for, one record at a time.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from aiokafka.record.control_record import ControlRecord
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import calc_crc32c

from consumer.fetch.inflate import InflateError, inflate
from consumer.fetch.parse_record import (
    ParsedRecord,
    ParseError,
    Payload,
    UnparsedBytes,
    parse_record,
    read_frame,
    read_offset_delta,
)
from core.record_time import NO_TIMESTAMP

_FRAME = struct.Struct(">qi")
_MAGIC_AT = 16
_MAGIC = 2
_MIN_BATCH_BYTES = _MAGIC_AT + 2
_CHECKED_FROM = 21
"""Position of the first byte that the checksum of a batch covers."""
_MAX_DAMAGED_DELTA = 1_000_000
"""Largest number of records that the header of a damaged batch is believed to have."""
_CODEC, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20


class _Header(NamedTuple):
    """Header of a batch in the message format 2."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int


_HEADER = struct.Struct(">qiibIhiqqqhii")


class RecordBatches:
    """Batches of one partition in one answer. The last one may be cut off, and Kafka sends it again."""

    def __init__(self, data: bytes | None) -> None:
        self._data, self._position = data or b"", 0

    def size_in_bytes(self) -> int:
        """Return the size of the answer for this partition."""
        return len(self._data)

    def has_next(self) -> bool:
        """Return whether there is another whole batch."""
        if len(self._data) - self._position < _MIN_BATCH_BYTES:
            return False
        return self._end() <= len(self._data)

    def next_batch(self) -> "RecordBatch":
        """Return the next batch."""
        data = self._data[self._position : self._end()]
        self._position += len(data)
        has_following = len(self._data) - self._position >= _FRAME.size
        return RecordBatch(data, _FRAME.unpack_from(self._data, self._position)[0] if has_following else None)

    def _end(self) -> int:
        """Return the end of the next batch. A length that is none takes everything that follows."""
        _, length = _FRAME.unpack_from(self._data, self._position)
        is_length = length >= _MIN_BATCH_BYTES - _FRAME.size
        return self._position + _FRAME.size + length if is_length else len(self._data)


class RecordBatch:
    """One batch, with the attributes that aiokafka asks for (`PartitionRecords._unpack_records`)."""

    def __init__(self, data: bytes, following_offset: int | None) -> None:
        self._data = data
        self.base_offset, _ = _FRAME.unpack_from(data)
        has_header = len(data) >= _HEADER.size and data[_MAGIC_AT] == _MAGIC
        header = self._header = _Header(*_HEADER.unpack_from(data)) if has_header else None
        self._problem = self._find_problem()
        known = header if not self._problem else None
        delta = header.last_offset_delta if header else 0
        if self._problem:  # the header may be damaged too
            delta = delta if following_offset is None else following_offset - self.base_offset - 1
            delta = delta if delta < _MAX_DAMAGED_DELTA else 0
        self.next_offset = self.base_offset + 1 + max(0, delta)
        self.producer_id = known.producer_id if known else None
        self.is_transactional = bool(known and known.attributes & _TRANSACTIONAL)
        self.is_control_batch = bool(known and known.attributes & _CONTROL)
        if self.is_control_batch and not self._is_marker():
            self.is_control_batch, self._problem = False, "is the end of a transaction in an unknown format"

    def _find_problem(self) -> str | None:
        if self._data[_MAGIC_AT] < _MAGIC:
            return None
        if self._header is None:
            return "is a batch of an unknown format"
        is_whole = calc_crc32c(memoryview(self._data)[_CHECKED_FROM:]) == self._header.crc
        return None if is_whole else "is a batch with a wrong checksum"

    def _is_marker(self) -> bool:
        """Return whether this is the end of a transaction. Only brokers write it."""
        try:
            ControlRecord.parse(next(self).key or b"")
        except (struct.error, StopIteration):
            return False
        return True

    def validate_crc(self) -> bool:
        """Return True. aiokafka would stop at a wrong checksum, and a batch with one has unparsed bytes here."""
        return True

    def __next__(self) -> ParsedRecord:
        return next(iter(self))

    def __iter__(self) -> Iterator[ParsedRecord]:
        if self._problem:
            yield self._unparsed(self._data, self._problem)
        elif self._header is None:
            yield from self._old_records()
        else:
            yield from self._records(self._header)

    def _payload(self, header: _Header) -> Payload:
        payload = memoryview(self._data)[_HEADER.size :]
        codec = header.attributes & _CODEC
        return inflate(codec, bytes(payload)) if codec else payload

    def _records(self, header: _Header) -> Iterator[ParsedRecord]:
        try:
            payload = self._payload(header)
        except InflateError as error:
            yield self._unparsed(self._data, f"is a batch that {error}")
            return
        position, offset, size = 0, self.base_offset, len(payload)
        while position < size and offset < self.next_offset:
            record, position = self._next_record(payload, position, offset, header)
            if position == size:  # the memory is free while the last record is worked on
                payload = b""
            offset = record.offset + 1
            yield record

    def _next_record(self, payload: Payload, position: int, offset: int, header: _Header) -> tuple[ParsedRecord, int]:
        """Return the record at a position, and the position behind it. `offset` is the lowest that it may have."""
        try:
            start, end = read_frame(payload, position)
        except ParseError as error:  # the next record cannot be found
            return self._unparsed(payload[position:], f"is part of a batch that {error}"), len(payload)
        delta = read_offset_delta(payload, start)
        if delta is None or not offset <= self.base_offset + delta < self.next_offset:
            return self._unparsed(payload[position:end], "has a wrong offset", offset), end
        times = (int(bool(header.attributes & _APPEND_TIME)), header.first_timestamp, header.max_timestamp)
        try:
            return parse_record(payload, (start, end), self.base_offset, times), end
        except ParseError as error:
            return self._unparsed(payload[position:end], str(error), self.base_offset + delta), end

    def _old_records(self) -> Iterator[ParsedRecord]:
        """Return the record of a batch in an old message format. Kafka 4 takes none."""
        try:
            records = _parse_old_batch(self._data)
        except ParseError as error:
            yield self._unparsed(self._data, str(error))
        else:
            yield from records

    def _unparsed(self, raw: Payload, problem: str, offset: int | None = None) -> ParsedRecord:
        """Return what cannot be parsed. Without an offset it ends the batch and has the last one.

        So its offset is not before the position of a reader that committed the first records of the batch.
        """
        at = self.next_offset - 1 if offset is None else offset
        timestamp = self._header.max_timestamp if self._header else NO_TIMESTAMP
        return ParsedRecord(at, timestamp, 0, None, UnparsedBytes(raw, problem), ())


def _parse_old_batch(data: bytes) -> list[ParsedRecord]:
    """Parse a batch in an old message format. The library inflates a compressed one without a bound."""
    magic, attributes = data[_MAGIC_AT : _MAGIC_AT + 2]
    if attributes & _CODEC:
        raise ParseError("is compressed in an old message format")
    try:
        batch = LegacyRecordBatch(data, magic)
        is_whole, records = batch.validate_crc(), list(batch)
    except Exception:  # noqa: BLE001  # the library raises anything for broken data
        raise ParseError("has a wrong structure in an old message format") from None
    if not is_whole:
        raise ParseError("has a wrong checksum")
    return [
        ParsedRecord(old.offset, NO_TIMESTAMP if old.timestamp is None else old.timestamp, 0, old.key, old.value, ())
        for old in records
    ]
