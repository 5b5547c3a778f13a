"""Masked addresses show the allowed characters and nothing more."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mask import mask_email, mask_phone, mask_raw
from tests.support.addresses import normalise_email, normalise_phone

DIGITS = "0123456789"
PLAIN = st.text("abcdefghij0123456789.-_+", min_size=1, max_size=40)
E164 = st.builds(lambda first, rest: f"+{first}{rest}", st.sampled_from(DIGITS[1:]), st.text(DIGITS, max_size=14))


@pytest.mark.parametrize(
    ("e164", "masked"),
    [
        ("+8613800138000", "138****8000"),
        ("+862112345678", "+862****678"),
        ("+16502530000", "+16****000"),
        ("+4915123456789", "+491****789"),
        ("+393123456789", "+393****789"),
        ("+6531234567", "+65****567"),
        ("+2901234", "+2****34"),
        ("+123456789012345", "+123****2345"),
        ("+1", "+****"),
    ],
)
def test_a_number_shows_where_it_begins_and_how_it_ends(e164: str, masked: str) -> None:
    assert mask_phone(e164) == masked


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("alice@example.com", "a***@example.com"),
        ("al@example.com", "a***@example.com"),
        ("a@example.com", "***@example.com"),
        ("\u5f20\u4e09@example.cn", "\u5f20***@example.cn"),
        ("a@b@example.com", "a***@example.com"),
    ],
)
def test_an_address_shows_its_first_letter_and_its_domain(email: str, masked: str) -> None:
    assert mask_email(email) == masked


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("", "***"),
        ("12345", "***"),
        ("123456", "1***6"),
        ("alice at example", "a***e"),
        ("\r\nBcc: bob\n", "?***?"),
        ("\ud8001234\u202e", "?***?"),
        ("x" * 1_000_000, "x***x"),
    ],
)
def test_an_invalid_address_shows_at_most_two_characters(raw: str, masked: str) -> None:
    assert mask_raw(raw) == masked


def test_an_address_that_was_not_normalised_is_masked_too() -> None:
    assert mask_phone("13800138000") == "1***0"
    assert mask_phone("") == "***"
    assert mask_phone("+" + "1" * 400) == "+***1"
    assert mask_email("alice at example") == "a***e"
    assert mask_email("alice@example.com\n") == "a***?"
    assert mask_email("alice@" + "x" * 400) == "a***x"


@settings(deadline=None)
@given(E164)
def test_half_of_a_number_and_four_digits_at_least_stay_hidden(e164: str) -> None:
    masked = mask_phone(e164)
    head, tail = masked.removeprefix("+").split("****")
    number = e164.removeprefix("+86") if masked[0] != "+" else e164[1:]
    hidden = len(number) - len(head) - len(tail)
    assert number.startswith(head)
    assert number.endswith(tail)
    assert hidden >= min(4, len(number))
    assert masked[0] != "+" or hidden >= len(number) / 2
    assert len(number) < 7 or 2 <= len(tail) <= 4
    assert len(masked) <= 12
    assert number not in masked


@settings(deadline=None)
@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_an_example_of_any_region_is_not_shown_whole(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is not None:
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert normalise_phone(e164, None) == e164
        assert phonenumbers.national_significant_number(number) not in mask_phone(e164)


@settings(deadline=None)
@given(st.builds(lambda local, domain: f"{local}@{domain}.com", PLAIN, PLAIN))
def test_of_a_local_part_all_but_one_letter_stays_hidden(raw: str) -> None:
    email = normalise_email(raw)
    if email is not None:
        local, _, domain = email.partition("@")
        masked = mask_email(email)
        shown = masked.removesuffix(f"***@{domain}")
        assert shown == (local[0] if len(local) > 1 else "")
        assert len(masked) <= len(domain) + 5


@settings(deadline=None)
@given(st.text(st.characters(), max_size=400))
def test_of_anything_at_all_four_characters_stay_hidden_and_the_mask_is_short_and_prints(raw: str) -> None:
    masked = mask_raw(raw)
    assert len(masked) <= 5
    assert masked.isprintable()
    assert masked.encode()
    assert len(raw) - len(masked.replace("***", "", 1)) >= min(4, len(raw))
    assert masked == "***" or raw not in masked


@settings(deadline=None)
@given(st.text(st.characters(), max_size=400))
def test_masking_a_masked_address_shows_no_more_and_adds_only_stars(raw: str) -> None:
    for mask in (mask_raw, mask_email, mask_phone):
        masked = mask(raw)
        again = mask(masked)
        assert len(again) <= len(masked) + 4
        assert set(again) <= set(masked) | set("*?")
