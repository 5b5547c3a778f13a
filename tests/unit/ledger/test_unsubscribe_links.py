"""Tokens of unsubscribe links: what opens them, and what does not."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest

from core.ids import log_id, request_key, tenant_key_id
from core.unsubscribe import MAX_TOKEN
from ledger.sealing import Sealer
from ledger.tenant_key import TenantKey, open_tenant_key, resealed_tenant_key, seal_tenant_key
from ledger.unsubscribe_links import Link, LinkKey, day_of
from schemas.statuses import Channel

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
KEY_ID = tenant_key_id(b"0123456789")
KEY = LinkKey(TenantKey(KEY_ID, bytes(32)))
LINK = Link(Channel.EMAIL, "anna@example.com", "news", "de", day_of(NOW), log_id(request_key("tnt_a", "r1"), 0, 7))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("link", [LINK, LINK._replace(channel=Channel.SMS, mailing_list=None, language=None)])
def test_a_token_has_the_whole_link_in_less_than_two_hundred_characters(link: Link) -> None:
    token = KEY.token(link)

    assert KEY.open(token) == link
    assert len(token) < 200


def test_the_same_link_has_the_same_token_and_another_one_has_another() -> None:
    assert KEY.token(LINK) == KEY.token(LINK)
    assert KEY.token(LINK)[16:] != KEY.token(LINK._replace(day=LINK.day + 1))[16:]


def test_no_letter_of_a_token_can_be_changed_and_no_part_cut_off() -> None:
    token = KEY.token(LINK)
    for at, letter in enumerate(token):
        others = ALPHABET if at == len(token) - 1 else ALPHABET[ALPHABET.index(letter) - 1]
        for other in others.replace(letter, ""):
            assert KEY.open(token[:at] + other + token[at + 1 :]) is None
        assert KEY.open(token[:at]) is None
        assert KEY.open(token[at + 1 :]) is None


def test_no_bit_of_the_sealed_bytes_can_be_changed() -> None:
    token = KEY.token(LINK)
    sealed = urlsafe_b64decode(token[16:] + "=" * (-len(token[16:]) % 4))
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit >> 3] ^= 1 << (bit & 7)
        assert KEY.open(KEY_ID + urlsafe_b64encode(changed).rstrip(b"=").decode()) is None


@pytest.mark.parametrize("text", ["", "x", KEY_ID, f"{KEY_ID}AAAA", f"{KEY_ID}{'A' * 40}=", f"{KEY_ID}{'é' * 40}"])
def test_another_text_is_no_token(text: str) -> None:
    assert KEY.open(text) is None


def test_another_tenant_opens_no_token_also_under_the_id_of_the_first_one() -> None:
    token = KEY.token(LINK)
    other_id = tenant_key_id(b"9876543210")

    assert LinkKey(TenantKey(KEY_ID, b"\1" * 32)).open(token) is None
    assert LinkKey(TenantKey(other_id, bytes(32))).open(token) is None
    assert LinkKey(TenantKey(other_id, bytes(32))).open(other_id + token[16:]) is None


def test_a_token_is_opened_after_the_sealing_keys_were_replaced() -> None:
    old, both = Sealer([("k1", bytes(32))]), Sealer([("k2", b"\2" * 32), ("k1", bytes(32))])
    stored = seal_tenant_key(b"\5" * 32, KEY_ID, "tnt_a", NOW, old)
    token = LinkKey(open_tenant_key(stored, "tnt_a", old)).token(LINK)

    stored = resealed_tenant_key(stored, "tnt_a", both)
    new = Sealer([("k2", b"\2" * 32)])
    assert LinkKey(open_tenant_key(stored, "tnt_a", new)).open(token) == LINK


def test_a_link_works_for_some_days_after_the_day_of_its_message() -> None:
    assert LINK.is_valid(NOW, 30)
    assert LINK.is_valid(NOW + timedelta(days=30, hours=11, minutes=59), 30)
    assert not LINK.is_valid(NOW + timedelta(days=30, hours=12), 30)


def test_the_longest_address_and_list_fit_into_a_token() -> None:
    # RFC 5321, 4.5.3.1: 64 octets, an @ and a domain. All of an address has 254.
    longest = LINK._replace(address=f"{'é' * 32}@{'x' * 185}.com", mailing_list="l" * 64)

    token = KEY.token(longest)
    assert KEY.open(token) == longest
    assert len(token) <= MAX_TOKEN


def test_nothing_that_is_shown_of_a_link_has_its_address() -> None:
    assert "anna" not in repr(LINK)
    assert "anna" not in KEY.token(LINK)
