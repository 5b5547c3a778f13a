"""E-mail addresses: their normal form, and the equality of the fast path and the library."""

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.addresses import normalise_email

CONTROLS = ["\r", "\n", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028"]


def by_library(raw: str) -> str | None:
    try:
        valid = validate_email(raw.strip(" "), check_deliverability=False)
    except EmailNotValidError:
        return None
    return f"{valid.local_part}@{valid.ascii_domain}"


def has_control(raw: str) -> bool:
    return any(ord(letter) < 32 or 127 <= ord(letter) < 160 or letter in "\u2028\u2029" for letter in raw)


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Alice.Smith@Example.COM", "Alice.Smith@example.com"),
        ("INFO@Example.org", "info@example.org"),
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
    assert normalise_email(raw) == by_library(raw)


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
def test_anything_at_all_is_read_as_the_library_reads_it_or_refused_for_a_control_character(raw: str) -> None:
    assert normalise_email(raw) == (None if has_control(raw) else by_library(raw))


@settings(deadline=None)
@given(NEARLY)
def test_normalising_twice_is_normalising_once(raw: str) -> None:
    found = normalise_email(raw)
    assert found is None or normalise_email(found) == found
