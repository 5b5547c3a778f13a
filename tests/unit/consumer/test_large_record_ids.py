"""Ids of a record that is too large are read without parsing it."""

import json
import time

import pytest

from consumer.expand.large_record_ids import read_scalars

NAMES = ("request_id", "tenant_id")
MIB = 1024 * 1024
LARGE = "x" * MIB


@pytest.mark.parametrize(
    "document",
    [
        {"request_id": "r1", "tenant_id": "t1", "recipients": [{"request_id": "no"}] * 9},
        {"content": LARGE, "request_id": "r1", "tenant_id": "t1"},
        {"content": 'a "request_id": "no" \\', "tenant_id": "t1", "a": {"request_id": "no"}, "request_id": "r1"},
        {"a": [[{"tenant_id": "no"}], "request_id"], "request_id": "r1", "b": "tenant_id", "tenant_id": "t1"},
        {"variables": {"tenant_id": "no", "request_id": "no"}, "tenant_id": "t1", "request_id": "r1"},
    ],
)
def test_the_ids_of_the_request_are_found_wherever_they_are(document: object) -> None:
    for options in ({}, {"indent": 4}, {"separators": (",", ":")}):
        text = json.dumps(document, **options).encode()  # type: ignore[arg-type]
        assert read_scalars(text, NAMES) == {"request_id": "r1", "tenant_id": "t1"}
        assert read_scalars(b"\xef\xbb\xbf \n" + text, NAMES) == {"request_id": "r1", "tenant_id": "t1"}


def test_a_number_is_found_as_it_is_written() -> None:
    value = b'{"request_id": 12345678901234567890.0, "tenant_id":5}'
    assert read_scalars(value, NAMES) == {"request_id": "12345678901234567890.0", "tenant_id": "5"}


@pytest.mark.parametrize(
    "value",
    [
        b'{"request_id": [5]}',
        b'{"request_id": true}',
        b'{"request_id": 5x}',
        b'["request_id", "x"]',
        b"",
        b'{"request_id":',
    ],
)
def test_other_values_are_not_found(value: bytes) -> None:
    assert read_scalars(value, NAMES) == {}


def test_a_text_that_is_too_long_for_an_id_is_not_found() -> None:
    assert read_scalars(json.dumps({"request_id": LARGE, "tenant_id": "t1"}).encode(), NAMES) == {"tenant_id": "t1"}
    escaped = json.dumps({"request_id": "\N{GRINNING FACE}" * 64, "tenant_id": "t1"}).encode()
    assert len(read_scalars(escaped, NAMES)["request_id"]) == 64


PIECES = [b"[],", b"{},", b'"",', rb"\"", b'"', b"[", b"}", b'"request_id" ', b'"request_id":', b" ", b"\\"]


@pytest.mark.parametrize("end", [b"", b"\\", b'"', b"x"])
@pytest.mark.parametrize("piece", PIECES)
def test_a_hostile_value_costs_no_time(piece: bytes, end: bytes) -> None:
    value = b'{"a":[' + piece * (4 * MIB // len(piece)) + end
    began = time.thread_time()
    read_scalars(value, NAMES)
    assert time.thread_time() - began < 0.5
