"""JSON that is kept takes no more memory than it needs."""

import ctypes

import pytest

from core.json_bytes import json_bytes
from ledger.chunk_recipients import PackedRecipients

VARIABLES = {f"name{number}": "x" for number in range(150)}


def allocated_bytes(value: bytes) -> int:
    """Return the size of the block in memory that a value of more than 512 bytes has."""
    try:
        usable_size = ctypes.CDLL(None).malloc_usable_size
    except (AttributeError, OSError):
        pytest.skip("this C library does not tell the size of a block")
    usable_size.restype, usable_size.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
    return int(usable_size(id(value)))


@pytest.mark.parametrize("length", [600, 2_000, 20_000, 200_000])
def test_json_takes_as_much_memory_as_it_has_bytes(length: int) -> None:
    value = json_bytes("x" * length)
    assert value == b'"' + b"x" * length + b'"'
    assert allocated_bytes(value) < length + 200


def test_the_recipients_of_a_chunk_take_as_much_memory_as_their_json() -> None:
    packed = PackedRecipients([["a@example.com", VARIABLES]])
    assert packed[0] == ("a@example.com", VARIABLES, None)
    (value,) = packed._packed
    assert allocated_bytes(value) < len(value) + 200
