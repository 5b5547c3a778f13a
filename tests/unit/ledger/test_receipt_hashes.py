"""Hashes of the recipient of a receipt, which the consumer compares with that of a log."""

import pytest

from ledger.recipient_hashes import receipt_hashes
from ledger.sealing import HASH_BYTES, Sealer
from schemas.receipts import MAX_RECIPIENT_HASHES

SEALER = Sealer([("new", bytes(32)), ("old", b"\1" * 32)])


def of_ledger(address: str, key_id: str) -> str:
    return f"{key_id}:{SEALER.hash(address.encode(), key_id).hex()}"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("13800138000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("447400123456", "+447400123456"),
        ("+44 7400 123456", "+447400123456"),
        ("anna@example.org", "anna@example.org"),
        ("Anna@Example.ORG", "anna@example.org"),
    ],
)
def test_an_address_is_hashed_as_its_log_with_each_key(written: str, address: str) -> None:
    hashes = receipt_hashes(written, SEALER, "CN")

    assert {of_ledger(address, "new"), of_ledger(address, "old")} <= set(hashes)
    assert [text.partition(":")[0] for text in hashes] == sorted(text.partition(":")[0] for text in hashes)
    assert {len(text.partition(":")[2]) for text in hashes} == {2 * HASH_BYTES}


@pytest.mark.parametrize(
    "text", ["", "nobody", "\ud800@example.org", "1" * 321, "anna@example.org\r\n", "\u202ea@b.org"]
)
def test_a_text_that_is_no_address_has_no_hash(text: str) -> None:
    assert receipt_hashes(text, SEALER, "CN") == ()


def test_the_number_of_hashes_is_bounded_and_the_newest_keys_come_first() -> None:
    sealer = Sealer([(f"k{number}", bytes([number]) * 32) for number in range(40)])

    hashes = receipt_hashes("Anna@example.org", sealer, None)

    assert len(hashes) == MAX_RECIPIENT_HASHES
    assert [text.partition(":")[0] for text in hashes[:3]] == ["k0", "k0", "k1"]
