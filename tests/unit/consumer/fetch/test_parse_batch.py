"""Every batch that a broker may return is read to its end: good records as they are, and the rest as raw bytes."""

import inspect
import itertools
import random
import re
import struct
import zlib
from collections.abc import Iterable

import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.structs import ConsumerRecord, TopicPartition

from consumer.fetch.parse_batch import RecordBatches
from consumer.fetch.parse_record import MAX_HEADERS, UnparsedBytes
from tests.support.record_batches import CODECS, a_batch, a_record, varint
from tests.support.repository import ROOT

PARTITION = TopicPartition("t", 3)
NOW_MS = 1_700_000_000_000
GOOD = [a_record(b"value %d" % number, key=b"k", headers=[(b"h", None)], offset=number) for number in range(3)]
BAD_NAME = a_record(b"v", headers=[(b"\xff\xfe", b"x")], offset=1)


def read(*batches: bytes, position: int = 0) -> tuple[list[ConsumerRecord], int]:
    """Read as the fetcher of aiokafka does. Return the records and the position after them."""
    records = RecordBatches(b"".join(batches))
    reading = PartitionRecords(PARTITION, records, [], position, None, None, True, READ_COMMITTED)
    return list(reading), reading.next_fetch_offset


def seen(records: Iterable[ConsumerRecord]) -> list[tuple[int, bytes, str | None]]:
    return [(record.offset, bytes(record.value), getattr(record.value, "problem", None)) for record in records]


@pytest.mark.parametrize("codec", CODECS)
def test_good_records_are_read_as_they_were_written(codec: str) -> None:
    records, position = read(a_batch(*GOOD, codec=codec, base_offset=7, timestamp_ms=NOW_MS))
    assert [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in records] == [
        (7 + number, NOW_MS, b"k", b"value %d" % number, (("h", None),)) for number in range(3)
    ]
    assert not any(isinstance(record.value, UnparsedBytes) for record in records)
    assert position == 10


@pytest.mark.parametrize("seed", range(20))
def test_records_are_read_as_the_library_wrote_them(seed: int) -> None:
    rng = random.Random(seed)
    builder = DefaultRecordBatchBuilder(2, rng.choice([0, 1, 2, 3, 4]), 0, -1, -1, -1, 1 << 20)
    expected = []
    for offset in range(rng.randrange(1, 40)):
        key, value = (rng.choice([None, b"", rng.randbytes(rng.randrange(300))]) for _ in range(2))
        names = [chr(rng.randrange(1, 0xD000)) * rng.randrange(4) for _ in range(rng.randrange(4))]
        headers = [(name, rng.choice([None, rng.randbytes(rng.randrange(200))])) for name in names]
        timestamp = rng.randrange(1 << 41)
        builder.append(offset, timestamp, key, value, headers)
        expected.append((offset, timestamp, key, value, tuple(headers)))
    records, _ = read(bytes(builder.build()))
    assert [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in records] == expected


def test_a_header_name_that_is_not_utf_8_costs_its_own_record_only() -> None:
    records, position = read(a_batch(GOOD[0], BAD_NAME, GOOD[2]))
    assert seen(records) == [
        (0, b"value 0", None),
        (1, BAD_NAME, "has a header name that is not UTF-8"),
        (2, b"value 2", None),
    ]
    assert position == 3


def test_an_unparsed_record_has_no_key_and_no_headers() -> None:
    ((record,), _) = read(a_batch(a_record(b"v", key=b"k", headers=[(b"\xff", b"")]), timestamp_ms=NOW_MS))
    assert (record.key, record.headers, record.timestamp) == (None, (), NOW_MS)


@pytest.mark.parametrize(
    "payload",
    [
        varint(100) + b"abc",
        varint(-5) + b"abc",
        varint(0) + GOOD[2],
        b"\xff" * 12,
        b"\x80",
        varint(1 << 62),
    ],
    ids=["too long", "negative", "zero", "endless", "cut off", "enormous"],
)
def test_behind_a_length_that_is_none_the_rest_of_the_batch_is_kept_raw(payload: bytes) -> None:
    batch = a_batch(*GOOD, payload=GOOD[0] + payload)
    records, position = read(batch, a_batch(GOOD[0], base_offset=3))
    assert [(offset, value) for offset, value, _ in seen(records)] == [(0, b"value 0"), (2, payload), (3, b"value 0")]
    assert position == 4


@pytest.mark.parametrize(
    "body",
    [
        b"\x00",
        b"\x00" + varint(0) + varint(1) + varint(99) + b"k",
        b"\x00" + varint(0) + varint(1) + varint(-1) + varint(-1) + varint(-1),
        b"\x00" + varint(0) + varint(1) + varint(-1) + varint(-1) + varint(1 << 40),
        b"\x00" + varint(0) + varint(1) + varint(-1) + varint(-1) + varint(1) + varint(-1) + varint(-1),
        b"\x00" + varint(0) + varint(1) + varint(-1) + varint(-1) + varint(0) + b"more",
        b"\x00" + varint(1 << 62) + varint(1) + varint(-1) + varint(-1) + varint(0),
        b"\x00" + varint(0) + varint(-7) + varint(-1) + varint(-1) + varint(0),
        b"\x00" + varint(0) + varint(50) + varint(-1) + varint(-1) + varint(0),
        b"\xff" * 30,
    ],
    ids=[
        "cut off", "key too long", "negative headers", "endless headers", "header without name", "bytes behind",
        "no time", "offset before", "offset behind", "endless numbers",
    ],
)  # fmt: skip
def test_a_record_of_a_wrong_structure_costs_its_own_record_only(body: bytes) -> None:
    bad = varint(len(body)) + body
    times = {"timestamp_ms": 2**63 - 1 - 2**61} if body.startswith(b"\x00" + varint(1 << 62)) else {}
    records, position = read(a_batch(GOOD[0], bad, GOOD[2], **times))
    assert [(offset, value) for offset, value, _ in seen(records)] == [(0, b"value 0"), (1, bad), (2, b"value 2")]
    assert position == 3


def test_no_object_is_made_of_more_headers_than_allowed() -> None:
    most, more = (a_record(b"v", headers=[(b"", None)] * count, offset=o) for o, count in enumerate((1_000, 1_001)))
    records, _ = read(a_batch(most, more))
    assert [len(record.headers) for record in records] == [MAX_HEADERS, 0]
    assert records[1].value.problem == "has more than 1,000 headers"


BROKEN_BATCHES = {
    "wrong checksum": a_batch(*GOOD, crc=1),
    "unknown codec": a_batch(*GOOD, payload=b"x", attributes=5),
    "zeros as a codec": a_batch(*GOOD, payload=b"", codec="zstd"),
    **{f"broken {codec}": a_batch(*GOOD, payload=b"\x00broken", codec=codec) for codec in CODECS if codec != "none"},
    "newer format": a_batch(*GOOD, magic=3),
    "end of a transaction that is none": a_batch(*GOOD, attributes=0x20),
}


@pytest.mark.parametrize("delta", [0, 1, 7, -1, 2**31 - 1])
def test_a_damaged_header_moves_the_position_behind_its_batch(delta: int) -> None:
    batch = a_batch(*GOOD, crc=1, last_offset_delta=delta)
    records, position = read(batch, a_batch(GOOD[0], base_offset=3), position=1)
    assert [(record.offset, bytes(record.value)) for record in records] == [(2, batch), (3, b"value 0")]
    assert position == 4
    assert 0 < read(batch)[1] <= 8


@pytest.mark.parametrize("batch", BROKEN_BATCHES.values(), ids=BROKEN_BATCHES)
def test_a_batch_that_cannot_be_read_is_one_record_of_raw_bytes_and_the_next_batch_goes_on(batch: bytes) -> None:
    believes_header = batch[16] == 2
    last = 2 if believes_header else 0
    records, position = read(batch, a_batch(GOOD[0], base_offset=last + 1))
    assert [(record.offset, bytes(record.value)) for record in records] == [(last, batch), (last + 1, b"value 0")]
    assert isinstance(records[0].value, UnparsedBytes)
    assert position == last + 2


def test_a_batch_that_cannot_be_read_is_kept_although_its_first_records_were_committed() -> None:
    batch = a_batch(*GOOD, codec="zstd", payload=b"broken")
    assert [record.offset for record in read(batch, position=2)[0]] == [2]


def test_a_length_that_is_none_takes_the_rest_of_the_answer() -> None:
    for length in (-1, 0, 4, -(2**31)):
        rest = struct.pack(">qi", 5, length) + a_batch(*GOOD)[12:] + a_batch(*GOOD, base_offset=8)
        records, position = read(rest)
        assert [(record.offset, bytes(record.value)) for record in records] == [(7, rest)]
        assert position == 8


def test_a_batch_that_is_cut_off_is_read_with_the_next_answer() -> None:
    batch = a_batch(GOOD[0])
    for cut in range(len(batch)):
        assert read(batch, batch[:cut])[1] == 1


def test_the_end_of_a_transaction_is_no_record() -> None:
    marker = a_batch(a_record(b"\x00\x00\x00\x00\x00\x00", key=b"\x00\x00\x00\x01"), attributes=0x30)
    assert read(marker, a_batch(GOOD[0], base_offset=1))[0][0].offset == 1


@pytest.mark.parametrize("magic", [0, 1])
def test_a_record_in_an_old_format_is_read_unless_it_is_compressed(magic: int) -> None:
    for codec in (0, 1):
        builder = LegacyRecordBatchBuilder(magic, codec, 1 << 20)
        builder.append(0, NOW_MS, b"k", b"old")
        ((record,), _) = read(bytes(builder.build()))
        assert isinstance(record.value, UnparsedBytes) is bool(codec)


@pytest.mark.parametrize("seed", range(30))
def test_no_damage_stops_the_reading(seed: int) -> None:
    rng = random.Random(seed)
    whole = b"".join(
        a_batch(*GOOD, codec=codec, base_offset=3 * number) for number, codec in enumerate(itertools.chain(CODECS))
    )
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        records, _ = read(bytes(damaged))
        assert all(record.offset >= 0 for record in records)
        if rng.random() < 0.5:  # with a right checksum, as a producer writes it
            payload = bytearray(zlib.compress(b"".join(GOOD), wbits=31))
            payload[rng.randrange(len(payload))] ^= 1 << rng.randrange(8)
            assert read(a_batch(*GOOD, codec="gzip", payload=bytes(payload)))[1] == 3


def test_the_client_still_takes_its_parser_from_there() -> None:
    assert fetcher.MemoryRecords is not None
    assert "MemoryRecords" in fetcher.Fetcher._proc_fetch_request.__code__.co_names
    source = inspect.getsource(PartitionRecords._unpack_records) + inspect.getsource(
        PartitionRecords._contains_abort_marker
    )
    assert set(re.findall(r"next_batch\.(\w+)", source)) == {
        "base_offset",
        "is_control_batch",
        "is_transactional",
        "next_offset",
        "producer_id",
        "validate_crc",
    }
    assert set(re.findall(r"\brecords\.(\w+)", inspect.getsource(fetcher))) == {
        "has_next",
        "next_batch",
        "size_in_bytes",
    }


def test_the_product_reads_with_no_other_consumer() -> None:
    sources = [path for folder in ("consumer", "producer", "cli", "ledger") for path in (ROOT / folder).rglob("*.py")]
    calls = re.compile(r"(?<!class Tolerant)(?<=[ =])(AIOKafkaConsumer|KafkaBroker)\(")
    assert [path.name for path in sources if calls.search(path.read_text())] == []
