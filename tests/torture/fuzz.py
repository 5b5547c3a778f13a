"""Seeded batches of records that vary in all that a client chooses. At most 40% of the records are bad.

A bad record is bad for certain, so that it must become a dead letter. A good one may be odd in every legal way.
"""

import functools
import json
import random
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import cramjam

from schemas.statuses import OnUncertain
from tests.support.record_batches import CODECS, a_batch, a_record, varint
from tests.torture.traffic import TENANT, Order

BAD_SHARE = 0.38
LONGEST_BAD_RUN = 90
MOST_RECORDS = 8
"""Records of a batch at most."""
ENOUGH_BYTES = 250_000
"""Size after which no record is added to a batch. One record has up to 700,000 bytes, and a batch 1 MiB."""
MIB = 1024 * 1024
BOMB_MIB = {"gzip": 100, "snappy": 20, "lz4": 100, "zstd": 1_000}
"""Size of a bomb after decompression. Each passes the limit of the topic."""
YEAR_10000_MS = 253_402_300_800_000


@dataclass(frozen=True)
class FuzzedRecord:
    """One record: an order, or something bad."""

    value: bytes | None
    order: Order | None = None
    key: bytes | None = None
    headers: tuple[tuple[bytes, bytes | None], ...] = ()

    def encode(self, offset: int) -> bytes:
        return a_record(self.value, key=self.key, headers=self.headers, offset=offset)


@dataclass
class FuzzedBatch:
    """Records that are published together, as they stand in `data`."""

    codec: str
    timestamp_ms: int
    records: list[FuzzedRecord] = field(default_factory=list)
    bomb: bytes | None = None

    def data(self) -> bytes:
        if self.bomb is not None:
            return self.bomb
        encoded = [record.encode(offset) for offset, record in enumerate(self.records)]
        return a_batch(*encoded, codec=self.codec, timestamp_ms=self.timestamp_ms)


def draw_batches(rng: random.Random, count: int) -> Iterator[FuzzedBatch]:
    """So many records in all."""
    left, run = count, 0
    while left:
        if run < LONGEST_BAD_RUN and rng.random() < 0.01:
            batch = _draw_lone_batch(rng)
        else:
            batch = FuzzedBatch(rng.choice(list(CODECS)), _draw_time(rng))
            for _ in range(min(left, rng.randrange(1, MOST_RECORDS + 1))):
                bad = run < LONGEST_BAD_RUN and rng.random() < BAD_SHARE
                record = _draw_bad(rng) if bad else _draw_good(rng)
                run = run + 1 if bad else 0
                batch.records.append(record)
                if sum(len(record.encode(0)) for record in batch.records) > ENOUGH_BYTES:
                    break
        left -= len(batch.records)
        yield batch


def _draw_time(rng: random.Random) -> int:
    now = round(time.time() * 1000)
    return rng.choice((now, now, -1, 0, now // 1000, now - rng.randrange(10**12), now + rng.randrange(10**9)))


def _draw_lone_batch(rng: random.Random) -> FuzzedBatch:
    """One bad record that is alone in its batch: a bomb, a value that is too large, or a time that is not a date."""
    bad = FuzzedRecord(json.dumps(_body(_draw_order(rng))).encode())
    match rng.randrange(3):
        case 0:
            return FuzzedBatch("none", 0, [bad], _bomb(rng.choice(list(CODECS)[1:])))
        case 1:
            large = json.dumps(_body(_draw_order(rng)) | {"content": "x" * rng.randrange(2 * MIB, 9 * MIB)}).encode()
            return FuzzedBatch("zstd", _draw_time(rng), [FuzzedRecord(large)])
        case _:
            return FuzzedBatch("none", rng.choice((YEAR_10000_MS, -2, 2**63 - 1, -(2**63))), [bad])


@functools.cache
def _bomb(codec: str) -> bytes:
    """A batch of one record of zeros, which takes 30 KB to 1 MB compressed."""
    size = BOMB_MIB[codec] * MIB
    fields = b"\x00" + varint(0) + varint(0) + varint(-1) + varint(size)
    head = varint(len(fields) + size + 1) + fields
    if codec == "snappy":
        pieces = [bytes(cramjam.snappy.compress_raw(piece)) for piece in (head, bytes(MIB), varint(0))]
        blocks = [pieces[0], *([pieces[1]] * (size // MIB)), pieces[2]]
        payload = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
        payload += b"".join(struct.pack(">i", len(block)) + block for block in blocks)
    else:
        options = {"block_linked": False} if codec == "lz4" else {}
        compressor = getattr(cramjam, codec).Compressor(**options)
        compressor.compress(head)
        for _ in range(size // MIB):
            compressor.compress(bytes(MIB))
        compressor.compress(varint(0))
        payload = bytes(compressor.finish())
    return a_batch(payload=payload, codec=codec, count=1)


# ---------------------------------------------------------------------- good


def _draw_order(rng: random.Random) -> Order:
    channel = rng.choice(("sms", "sms", "email"))
    first, size = rng.randrange(90_000_000), rng.randrange(1, 4)
    numbers = range(first, first + size)
    recipients = [f"139{n:08d}" if channel == "sms" else f"r{n}@example.com" for n in numbers]
    content = rng.choice(("Hello", "您好世界", "Grüße €", "{{who}}, hello", "a\n\tb", "\U0001f600" * 5))
    fields: dict[str, Any] = {"variables": {"who": "Wei", "unused": "\U0001f600"}}
    for name in ("template", "user_id", "category", "region", "send_at", "expires_at", "secret_variables"):
        if rng.random() < 0.2:
            fields[name] = None
    policy = rng.choice(list(OnUncertain))
    return Order(f"fuzz-{rng.getrandbits(64):016x}", policy, [recipients], content, channel, fields=fields)


def _body(order: Order) -> dict[str, Any]:
    return order.records()[0]


def _draw_good(rng: random.Random) -> FuzzedRecord:
    order = _draw_order(rng)
    body = _body(order)
    if rng.random() < 0.3:
        body["recipients"] = [{"to": to, "reference": "r" * rng.randrange(1, 200)} for to in body["recipients"]]
    names = list(body)
    rng.shuffle(names)
    text = json.dumps(
        {name: body[name] for name in names},
        ensure_ascii=rng.random() < 0.5,
        indent=rng.choice((None, 4)),
        separators=rng.choice((None, (",", ":"))),
    )
    space = rng.choice(("", " ", "\n" * rng.randrange(1_000), " " * rng.choice((10, 10, 10, 100_000))))
    value = rng.choice((b"", b"\xef\xbb\xbf")) + f"{space}{text}{space}".encode()
    key = rng.choice((None, b"", order.request_id.encode(), rng.randbytes(rng.randrange(2_000))))
    return FuzzedRecord(value, order, key, _draw_headers(rng))


def _draw_headers(rng: random.Random) -> tuple[tuple[bytes, bytes | None], ...]:
    names = ("correlation_id", "kafka_correlationId", "x", "", "\U0001f600", "traceparent", "n" * 3_000)
    return tuple(
        (rng.choice(names).encode(), rng.choice((None, b"", rng.randbytes(rng.randrange(300)))))
        for _ in range(rng.choice((0, 0, 1, 5, 200)))
    )


# ---------------------------------------------------------------------- bad


def _draw_bad(rng: random.Random) -> FuzzedRecord:
    value = json.dumps(_body(_draw_order(rng))).encode()
    match rng.randrange(4):
        case 0:
            return FuzzedRecord(rng.choice(_BROKEN)(rng, value), None, None, _draw_headers(rng))
        case 1:
            return FuzzedRecord(value, headers=((rng.choice((b"\xff\xfe", b"\xc0\x80", b"ok\xed\xa0\x80")), b"x"),))
        case 2 if rng.random() < 0.1:
            return FuzzedRecord(value, headers=((b"", None),) * rng.randrange(1_001, 200_000))
        case _:
            return FuzzedRecord(json.dumps(_body(_draw_order(rng)) | rng.choice(_WRONG)(rng)).encode())


_BROKEN: tuple[Callable[[random.Random, bytes], bytes | None], ...] = (
    lambda _, __: None,
    lambda _, __: b"",
    lambda rng, _: b"\x00" + rng.randbytes(rng.randrange(50_000)),
    lambda rng, value: value[: rng.randrange(len(value))],
    lambda _, value: value.replace(b'"', b'"\xff', 1),
    lambda _, value: value.decode().encode("utf-16"),
    lambda _, value: b"[" + value + b"]",
    lambda rng, _: b"[" * rng.randrange(1, 500_000),
    lambda rng, _: b'{"a":' * (depth := rng.randrange(300, 100_000)) + b"1" + b"}" * depth,
    lambda rng, _: rng.choice((b"null", b"1", b'"text"', b"1e999", b"-", b"9" * 100_000)),
)
"""Values that are no JSON object."""

_WRONG: tuple[Callable[[random.Random], dict[str, Any]], ...] = (
    lambda rng: {"recipients": [1] * rng.randrange(1, 200_000)},
    lambda rng: {"recipients": [{}] * rng.randrange(1, 100_000)},
    lambda rng: {"recipients": rng.choice(([], {}, 5, "x", None, [None], [[]], [{"to": 5}], [{"to": ""}]))},
    lambda rng: {"channel": rng.choice(("pigeon", 7, None, [], "SMS" * 9))},
    lambda rng: {"content": rng.choice((7, [], {}, 10**400, True))},
    lambda rng: {"tenant_id": rng.choice(("", "a b", 5, None, "t" * 65))},
    lambda rng: {"request_id": rng.choice(("", "a b", [], "r" * 129, "\u00e9"))},
    lambda rng: {"variables": {f"v{n}": rng.choice((1, [], {}, True)) for n in range(rng.randrange(1, 20_000))}},
    lambda rng: {"variables": rng.choice(([], 5, "x"))},
    lambda rng: {"x" + "." * rng.randrange(1, 70_000): 1},
    lambda rng: {".".join("ab" for _ in range(rng.randrange(1, 20_000))): {"b": [1, 2]}},
    lambda rng: {f"{rng.getrandbits(64):x}@example.com": n for n in range(rng.randrange(1, 5))},
    lambda rng: {f"f{n}": n for n in range(rng.randrange(1, 20_000))},
    lambda _: {"template": "fuzz-no-such-template", "tenant_id": TENANT},
    lambda _: {"reply_topic": "fuzz-elsewhere"},
    lambda rng: {"schema_version": rng.choice((2, 10**30, "x", 1.5))},
    lambda rng: {"send_at": rng.choice(("yesterday", 5, "2026-13-01T00:00:00Z", "9" * 10_000))},
    lambda rng: {"part": rng.choice((-1, 10**9, "x", 1.5)), "last": True},
)
"""Fields that make a request wrong."""
