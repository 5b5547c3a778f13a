"""E-mail addresses: their normal form, and the equality of the fast path and the library."""

import re

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.addresses import AddressProblem
from core.addresses.email import compare_form, read_email
from tests.support.addresses import normalise_email

CONTROLS = ["\r", "\n", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028"]


def by_library(raw: str) -> str | None:
    """Return the address as the library reads it, but with the case that is written."""
    try:
        valid = validate_email(raw.strip(" "), check_deliverability=False)
    except EmailNotValidError:
        return None
    local = raw.strip(" ").rpartition("@")[0]
    kept = local if local.lower() == valid.local_part else valid.local_part
    return f"{kept}@{valid.ascii_domain}"


def has_control(raw: str) -> bool:
    return any(ord(letter) < 32 or 127 <= ord(letter) < 160 or letter in "\u2028\u2029" for letter in raw)


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Alice.Smith@Example.COM", "Alice.Smith@example.com"),
        ("INFO@Example.org", "INFO@example.org"),
        ("  alice@example.com ", "alice@example.com"),
        ("o'hara+news@mail.example.co.uk", "o'hara+news@mail.example.co.uk"),
        ("alice@b\u00fccher.example", "alice@xn--bcher-kva.example"),
        ("alice@XN--BCHER-KVA.example", "alice@xn--bcher-kva.example"),
        ("\u5f20\u4e09@example.cn", "\u5f20\u4e09@example.cn"),
        ("alice@example\u3002com", "alice@example.com"),
        ("a@" + "b" * 63 + ".com", "a@" + "b" * 63 + ".com"),
    ],
)
def test_an_address_has_one_form(raw: str, normal: str) -> None:
    assert normalise_email(raw) == normal
    assert normalise_email(normal) == normal


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "@",
        "alice",
        "alice@",
        "@example.com",
        "alice@localhost",
        "alice@printer.local",
        "alice@example.test",
        "alice@example.invalid",
        "alice@example",
        "alice@@example.com",
        "al ice@example.com",
        ".alice@example.com",
        "al..ice@example.com",
        "alice@-example.com",
        "alice@example-.com",
        "alice@ab--cd.com",
        "alice@xn--a.com",
        "alice@example.c0",
        "alice@example.com.",
        "a@" + "b" * 64 + ".com",
        "Alice <alice@example.com>",
        '"a b"@example.com',
        "alice@[127.0.0.1]",
        "alice@example.com, bob@example.com",
        "a" * 250 + "@example.com",
    ],
)
def test_an_invalid_address_has_no_normal_form(raw: str) -> None:
    assert normalise_email(raw) is None


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize(
    "form", ["{}alice@example.com", "ali{}ce@example.com", "alice@example{}.com", "alice@example.com{}"]
)
def test_a_control_character_makes_an_address_invalid(form: str, control: str) -> None:
    assert normalise_email(form.format(control)) is None


def test_a_header_cannot_be_smuggled_in() -> None:
    assert normalise_email("alice@example.com\r\nBcc: bob@example.com") is None
    assert normalise_email('"alice\r\nBcc: bob"@example.com') is None


def test_overlong_input_is_refused_without_parsing() -> None:
    assert normalise_email("a" * 1_000_000 + "@example.com") is None
    assert normalise_email(" " * 400 + "alice@example.com") is None


@pytest.mark.parametrize("name", [*SPECIAL_USE_DOMAIN_NAMES, "example.com", "contest.com", "mytest"])
@pytest.mark.parametrize("form", ["alice@{}", "alice@sub.{}", "Alice@Sub.{}", "alice@not{}"])
def test_special_names_are_treated_as_the_library_treats_them(form: str, name: str) -> None:
    assert normalise_email(form.format(name)) == by_library(form.format(name))


LOCAL = st.text("abcXYZ019_.+-'!#$%&*/=?^`{|}~", max_size=40) | st.sampled_from(CASE_INSENSITIVE_MAILBOX_NAMES)
LABEL = st.text("abcXYZ019-", max_size=8) | st.text("ab0-", min_size=60, max_size=65)
DOMAIN = st.builds(
    lambda labels, top: ".".join([*labels, top]),
    st.lists(LABEL, max_size=4),
    st.sampled_from(["com", "Cn", "example", "xn--p1ai", "c0m", "a", "", *SPECIAL_USE_DOMAIN_NAMES]) | LABEL,
)
CASED = st.sampled_from([str, str.lower, str.upper, str.title])
NEARLY = st.builds(lambda local, domain, cased: cased(f"{local}@{domain}"), LOCAL, DOMAIN, CASED)


@settings(deadline=None, max_examples=1000)
@given(NEARLY)
@example("NEWS@example.com")
@example("News@Example.Test")
def test_text_like_an_address_is_read_as_by_the_library(raw: str) -> None:
    is_suspect = raw[:1] in {"'", "="} or re.search("%[0-9A-Fa-f]{2}", raw)
    assert normalise_email(raw) == (None if is_suspect else by_library(raw))


@settings(deadline=None, max_examples=300)
@given(
    st.text(
        st.sampled_from("aZ0@.-_\"'\\<> ,;:()[]\u00e9\u0130\u00df\u5f20\u3002\uff20\u0301\u05d0\u200d"), max_size=30
    )
    | st.builds(lambda local, domain: f"{local}@{domain}.com", st.text(max_size=10), st.text(max_size=10))
    | st.emails()
)
@example("\ud800@example.com")
@example("a@\ud800.com")
def test_anything_at_all_is_refused_or_read_as_the_library_reads_it(raw: str) -> None:
    found = normalise_email(raw)
    assert found is None or (found == by_library(raw.strip()) and not has_control(raw))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("Alice <alice@example.com>", AddressProblem.NAME_OR_QUOTES),
        ("<alice@example.com>", AddressProblem.NAME_OR_QUOTES),
        ("alice(home)@example.com", AddressProblem.NAME_OR_QUOTES),
        ('"alice"@example.com', AddressProblem.NAME_OR_QUOTES),
        ("mailto:alice@example.com", AddressProblem.NAME_OR_QUOTES),
        ("alice@example.com,bob@example.com", AddressProblem.TWO_ADDRESSES),
        ("alice@example.com;bob@example.com", AddressProblem.TWO_ADDRESSES),
        ("alice@example.com bob@example.com", AddressProblem.TWO_ADDRESSES),
        ("'alice@example.com", AddressProblem.NAME_OR_QUOTES),
        ("=alice@example.com", AddressProblem.NAME_OR_QUOTES),
        ("anna%2Bnews@example.com", AddressProblem.ENCODED_CHARACTER),
        ("%20anna@example.com", AddressProblem.ENCODED_CHARACTER),
        ("alice@example .com", AddressProblem.SPACE),
        ("alice", AddressProblem.NO_AT_SIGN),
        ("alice\uff20example.com", AddressProblem.NO_AT_SIGN),
        ("ali\u200bce@example.com", AddressProblem.INVISIBLE_CHARACTER),
        ("alice@exam\u00adple.com", AddressProblem.INVISIBLE_CHARACTER),
        ("alice\ufe0f@example.com", AddressProblem.INVISIBLE_CHARACTER),
        ("alice@exam\u200dple.com", AddressProblem.INVISIBLE_CHARACTER),
        ("\uff41lice@example.com", AddressProblem.REPLACED_CHARACTER),
        ("alice@\uff45xample.com", AddressProblem.REPLACED_CHARACTER),
        ("\u212aelvin@example.com", AddressProblem.REPLACED_CHARACTER),
        ("a\u1fefb@example.com", AddressProblem.REPLACED_CHARACTER),
        ("alice@\ufb01x.com", AddressProblem.REPLACED_CHARACTER),
        ("alice@\u039f\u0394\u039f\u03a3.gr", AddressProblem.REPLACED_CHARACTER),
        ("\u202ealice@example.com", AddressProblem.RIGHT_TO_LEFT),
        ("alice@example.com\nbob@example.com", AddressProblem.CONTROL_CHARACTER),
        ("alice@example.com.", AddressProblem.NOT_AN_EMAIL),
        ("alice@printer.local", AddressProblem.UNREACHABLE_DOMAIN),
    ],
)
def test_text_that_may_be_read_as_another_address_is_refused_with_what_was_found(
    raw: str, problem: AddressProblem
) -> None:
    assert read_email(raw) is problem


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("\ufeff alice@example.com\u200b", "alice@example.com"),
        ("\u00a0alice@example.com", "alice@example.com"),
        ("alice@stra\u00dfe.example", "alice@xn--strae-oqa.example"),
        ("e\u0301@example.com", "\u00e9@example.com"),
        ("\u0e17\u0e33@\u0e17\u0e33.com", "\u0e17\u0e33@xn--o3c8c0d.com"),
    ],
)
def test_what_is_not_seen_and_what_is_written_in_two_ways_is_the_same_address(raw: str, address: str) -> None:
    assert normalise_email(raw) == address


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Anna@example.com", "ANNA@example.com", True),
        ("\u00c9mile@example.com", "\u00e9mile@example.com", True),
        ("\u039f\u0394\u039f\u03a3@example.com", "\u03bf\u03b4\u03bf\u03c2@example.com", True),
        ("stra\u00dfe@example.com", "STRA\u1e9eE@example.com", True),
        ("stra\u00dfe@example.com", "strasse@example.com", False),
        ("anna@example.com", "a.nna@example.com", False),
        ("anna@example.com", "anna+news@example.com", False),
    ],
)
def test_addresses_are_compared_without_regard_to_case(one: str, other: str, *, same: bool) -> None:
    assert (compare_form(one) == compare_form(other)) is same


@settings(deadline=None)
@given(NEARLY)
def test_normalising_twice_is_normalising_once(raw: str) -> None:
    found = normalise_email(raw)
    assert found is None or normalise_email(found) == found
