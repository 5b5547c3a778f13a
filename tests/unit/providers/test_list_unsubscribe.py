"""List-Unsubscribe: the URIs of an entry, rendered for each e-mail, and the offer of one click."""

import time
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.render import MissingVariable, TextTooLong
from core.send_result import Message
from providers.list_unsubscribe import parse_list_unsubscribe
from providers.mail_headers import HeaderTooLongError
from schemas.statuses import Category, Channel
from tests.unit.providers.mail_checker import read_headers

MAIL = Message("log_1", Channel.EMAIL, "a@example.com", "Hello", "Hi", False, None, "tnt_1")
ONE_CLICK = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def headers(text: str, own: dict[str, str] | None = None, *, marketing: bool = False, **shared: str) -> dict[str, str]:
    """Return the headers of an e-mail, decoded. `own` has the variables of its recipient."""
    category = Category.MARKETING if marketing else Category.TRANSACTIONAL
    message = replace(MAIL, category=category, variables=own or {}, request_variables=shared)
    lines = parse_list_unsubscribe(text).headers(message)
    return read_headers("".join(f"{line}\r\n" for line in [*lines, ""]).encode()) if lines else {}


def test_the_uri_is_rendered_for_the_recipient() -> None:
    uri = "https://x.example/u/{{ list }}?id={{id}}"
    assert headers(uri, {"id": "17", "list": "a"}, list="b") == {
        "List-Unsubscribe": "<https://x.example/u/a?id=17>",
        **ONE_CLICK,
    }


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("a b&c=d#e", "a%20b%26c%3Dd%23e"),
        ("../../admin", "..%2F..%2Fadmin"),
        ("a>, <https://evil.example/", "a%3E%2C%20%3Chttps%3A%2F%2Fevil.example%2F"),
        ("a\r\nBcc: all@example.org", "a%0D%0ABcc%3A%20all%40example.org"),
        ("姓名", "%E5%A7%93%E5%90%8D"),
        ("100%", "100%25"),
        ("a+b", "a%2Bb"),
        ("{{id}}", "%7B%7Bid%7D%7D"),
        ("Az09-._~", "Az09-._~"),
    ],
)
def test_a_value_is_escaped_for_a_url(value: str, escaped: str) -> None:
    for uri in ("https://x.example/u?id={{id}}&l=1", "https://x.example/{{id}}/u", "mailto:u+{{id}}@x.example"):
        assert headers(uri, {"id": value})["List-Unsubscribe"] == f"<{uri.replace('{{id}}', escaped)}>"


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_any_value_is_one_component_and_reads_back(value: str) -> None:
    uri = headers("https://x.example/u?id={{id}}", {"id": value})["List-Unsubscribe"]
    assert uri.isascii()
    assert unquote(uri.removeprefix("<https://x.example/u?id=").removesuffix(">"), errors="strict") == value


@pytest.mark.parametrize(
    ("text", "own", "offered"),
    [
        ("https://x.example/u?id={{id}}", {"id": "17"}, True),
        ("HTTPS://x.example/u?id={{id}}", {"id": "17"}, True),
        ("<https://x.example/{{id}}>, <mailto:u@x.example>", {"id": "17"}, True),
        ("<mailto:u@x.example>, <https://x.example/{{id}}?l={{list}}>", {"id": "17"}, True),
        ("https://x.example/u?id={{Kunden Nr}}", {"Kunden\u00a0Nr": "17"}, True),
        ("https://x.example/u", {"id": "17"}, False),
        ("https://x.example/u?list={{list}}", {"id": "17"}, False),
        ("https://x.example/u?id={{id}}", {"id": ""}, False),
        ("http://x.example/u?id={{id}}", {"id": "17"}, False),
        ("mailto:u+{{id}}@x.example", {"id": "17"}, False),
        ("<https://x.example/u>, <mailto:u+{{id}}@x.example>", {"id": "17"}, False),
        ("<https://x.example/{{id}}>, <https://y.example/{{id}}>", {"id": "17"}, False),
        ("<https://x.example/{{id}}>, <http://x.example/{{id}}>", {"id": "17"}, False),
    ],
)
def test_one_click_is_offered_only_if_the_one_https_uri_names_the_recipient(
    text: str, own: dict[str, str], *, offered: bool
) -> None:
    rendered = headers(text, own, list="news")
    assert rendered.pop("List-Unsubscribe")
    assert rendered == (ONE_CLICK if offered else {})


def test_a_variable_of_the_request_names_no_recipient() -> None:
    assert headers("https://x.example/u?id={{id}}", id="17") == {"List-Unsubscribe": "<https://x.example/u?id=17>"}


def test_several_uris_are_folded_between_them() -> None:
    web, mail = f"<https://x.example/{'a' * 60}>", f"<mailto:{'u' * 40}@x.example>"
    assert headers(f"{web},{mail}") == {"List-Unsubscribe": f"{web}, {mail}"}


@pytest.mark.parametrize(
    "text", ["https://x.example/u?id={{id}}", "<https://x.example/u>, <mailto:u+{{id}}@x.example>"]
)
def test_without_a_variable_only_a_transactional_mail_goes_out_and_without_the_header(text: str) -> None:
    assert headers(text, {"name": "Anna"}) == {}
    with pytest.raises(MissingVariable) as caught:
        headers(text, {"name": "Anna"}, marketing=True)
    assert str(caught.value) == "missing variable: id"


def test_a_value_that_makes_a_uri_longer_than_a_line_stops_only_marketing() -> None:
    assert headers("https://x.example/{{id}}", {"id": "x" * 975}) == {}
    with pytest.raises(HeaderTooLongError):
        headers("https://x.example/{{id}}", {"id": "x" * 975}, marketing=True)
    with pytest.raises(TextTooLong):
        headers("https://x.example/{{id}}", {"id": "x" * 1_000}, marketing=True)


def test_a_value_much_longer_than_a_line_takes_no_time() -> None:
    """A variable of the recipient may have 262,144 characters, and the text of the mail need not use it."""
    began = time.thread_time()
    for _ in range(100):
        assert headers("https://x.example/?u={{id}}", {"id": "你" * 262_144}) == {}
    assert time.thread_time() - began < 1.0  # converting one such value takes 30 ms


def test_a_uri_without_variables_is_in_every_mail() -> None:
    for marketing in (False, True):
        rendered = headers("mailto:leave@x.example?subject=leave%20the%20list", marketing=marketing)
        assert rendered == {"List-Unsubscribe": "<mailto:leave@x.example?subject=leave%20the%20list>"}


@pytest.mark.parametrize(
    "text",
    [
        "https://x.example",
        "https://x.example/",
        "https://x.example?u={{id}}",
        "https://x.example:8443/a/{{a.b-c}}/~u;v=1?x=y&z=(1)*'!$+@:/?",
        "https://[2001:db8::1]/u",
        "http://127.0.0.1:8000/u",
        "  https://x.example/u  ",
        "<https://x.example/u>",
        "<https://x.example/u> , <mailto:u@x.example>",
        "mailto:{{list}}-{{id}}@x.example?subject=unsubscribe%20{{id}}&body=",
    ],
)
def test_a_valid_value_of_an_entry_is_accepted(text: str) -> None:
    assert parse_list_unsubscribe(text).uris


BRACKETS, COMMA, ASCII, SCHEME, URI = (
    "must be one URI, or several as <https://...>, <mailto:...>",
    "has a comma. Write it as %2C",
    "must be ASCII without blanks.",
    "must begin with https:, http: or mailto:",
    "is not a valid URI.",
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("https://secret.example/u,mailto:a@example.org", COMMA),
        ("https://secret.example/u, mailto:a@example.org", ASCII),
        ("<https://secret.example/u>,mailto:a@example.org", BRACKETS),
        ("<https://secret.example/u> <mailto:a@example.org>", BRACKETS),
        ("<https://secret.example/u>,", BRACKETS),
        ("<https://secret.example/u", BRACKETS),
        ("<https://secret.example/a,b>", COMMA),
        ("", ASCII),
        ("<>", ASCII),
        ("https://secret.example/a b", ASCII),
        ("https://sécret.example/", ASCII),
        ("https://secret.example/é", ASCII),
        ("https://secret.example/u\r\nBcc: a@example.org", ASCII),
        ("https://secret.example/\t", ASCII),
        ("https://secret.example/%00", ASCII),
        ("ftp://secret.example/u", SCHEME),
        ("javascript:secret", SCHEME),
        ("secret.example/u", SCHEME),
        ("{{secret}}", SCHEME),
        ("{{secret}}://x.example/u", SCHEME),
        ("https://{{secret}}/u", URI),
        ("https://{{secret}}.example/u", URI),
        ("https://x.example:{{secret}}/u", URI),
        ("https://us:secret@x.example/u", URI),
        ("https://secret.example/u#{{id}}", URI),
        ("https://secret.example/u?id={id}", URI),
        ("https://secret.example/u?id={{{{id}}}}", URI),
        ("https://secret.example/%zz", URI),
        ("https://secret.example/%{{id}}", URI),
        ("https:secret", URI),
        ("https://", URI),
        ("https://.", URI),
        ("https://secret..example/u", URI),
        ("https://-secret.example/u", URI),
        ("mailto:secret@x..example", URI),
        ("mailto:secret", URI),
        ("mailto:secret@{{domain}}", URI),
        ("mailto:?to=secret@x.example", URI),
        ("https://secret.example/u?id={{}}", "malformed placeholder at position 28."),
        ("https://secret.example/u?id={{id}", "malformed placeholder at position 28."),
        (f"https://secret.example/{'u' * 980}", "has a URI that does not fit into a line"),
    ],
)
def test_an_invalid_value_of_an_entry_is_refused_with_the_reason_and_without_the_value(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is compared below
        parse_list_unsubscribe(text)
    assert str(caught.value).startswith(problem)
    assert "secret" not in str(caught.value)


def test_a_mail_shows_none_of_its_variables() -> None:
    assert repr(replace(MAIL, variables={"id": "secret-17"})) == "Message(log_1)"
