"""Composition of an e-mail from any message."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.send_result import Message
from providers.bulk_headers import BulkHeaders
from providers.list_unsubscribe import parse_list_unsubscribe
from providers.mail_message import (
    MAX_SHARED_HEADS,
    UnusableAddressError,
    UnusableContentError,
    _shared_head,
    compose,
)
from providers.sender_address import split_sender
from schemas.statuses import Channel
from tests.unit.providers.mail_checker import read_headers

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
LINES = st.text(st.characters(codec="utf-8"), max_size=300)
SUBJECTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=300)


def a_message(
    text: str = "Hello", *, subject: str | None = "Hi", is_html: bool = False, to: str = "a@example.com"
) -> Message:
    return Message("log_1", Channel.EMAIL, to, text, subject, is_html, None, "tnt_1")


def read(content: bytes) -> EmailMessage:
    parsed = message_from_bytes(content, policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def write(message: Message) -> bytes:
    return compose(message, "us@example.org", BulkHeaders(), NOW).content


@given(LINES, st.booleans())
def test_any_text_travels_in_lines_that_smtp_allows(text: str, is_html: bool) -> None:  # noqa: FBT001
    content = write(a_message(text, is_html=is_html))

    assert content.endswith(b"\r\n")
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.isascii()
    assert b"\0" not in content


@given(LINES)
def test_any_text_reads_back(text: str) -> None:
    body = read(write(a_message(text))).get_content()

    assert body.encode().splitlines() == (text.encode().splitlines() or [b""])


@given(st.text(st.characters(codec="utf-8", exclude_characters="<&>"), max_size=300))
@example("--=_rollcall--")
@example("x" * 79 + " \r\n.\r\n\t")
@example("中" * 300)
def test_any_html_reads_back_after_its_text(text: str) -> None:
    plain, html = read(write(a_message(text, is_html=True))).iter_parts()

    assert isinstance(plain, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert html.get_content().encode().splitlines() == (text.encode().splitlines() or [b""])


def test_a_body_is_sent_in_its_shortest_encoding() -> None:
    encodings = [
        read(write(a_message(text)))["Content-Transfer-Encoding"]
        for text in ("Hello", "Grüße an alle, die lesen", "你好")
    ]

    assert encodings == ["7bit", "quoted-printable", "base64"]


@given(SUBJECTS)
def test_any_subject_reads_back_and_adds_no_header(subject: str) -> None:
    mail = read(write(a_message(subject=subject)))

    assert "".join(mail["Subject"].split()) == "".join(subject.split())
    assert set(mail.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }


@given(st.text(max_size=20), st.sampled_from("\r\n\0\x0b\x0c\x1c\x85\u2028\u2029"), st.text(max_size=20))
def test_no_line_break_of_any_kind_gets_into_a_header(before: str, end: str, after: str) -> None:
    for message in (a_message(subject=before + end + after), a_message(to=f"{before}{end}{after}@example.com")):
        with pytest.raises(UnusableContentError):
            write(message)


def test_the_longest_address_is_not_folded() -> None:
    to = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example"

    assert f"\r\nTo: {to}\r\n".encode() in write(a_message(to=to))


def test_every_header_of_a_mail_is_within_the_limits() -> None:
    company = "中国移动通信集团有限公司客户服务中心北京分公司市场部活动组"
    message = replace(
        a_message(subject=f"See https://x.example/{'p' * 1_200}"),
        reply_to=f"{company} <help@example.org>",
        cc=tuple(f"{'c' * 50}{number}@example.org" for number in range(10)),
    )
    unsubscribe = BulkHeaders(unsubscribing=parse_list_unsubscribe("https://x.example/" + "u" * 900))
    mail = compose(message, f"{company} <us@example.org>", unsubscribe, NOW)

    headers = read_headers(mail.content)
    assert headers["From"] == f"{company} <us@example.org>"
    assert headers["Reply-To"] == f"{company} <help@example.org>"
    assert headers["Cc"].split(", ") == list(message.cc)
    assert headers["Subject"] == message.subject
    assert headers["Message-ID"] == "<log_1@example.org>"
    assert headers["List-Unsubscribe"] == f"<https://x.example/{'u' * 900}>"


def test_the_copies_are_in_the_headers_and_in_the_envelope() -> None:
    message = replace(a_message(), reply_to="Help <help@example.org>", cc=("b@example.org", "c@example.org"))
    mail = compose(message, "us@example.org", BulkHeaders(), NOW)

    headers = read_headers(mail.content)
    assert (headers["Reply-To"], headers["Cc"]) == ("Help <help@example.org>", "b@example.org, c@example.org")
    assert (mail.path, mail.cc_paths, mail.needs_utf8) == ("a@example.com", ("b@example.org", "c@example.org"), False)


@pytest.mark.parametrize("other", [{"reply_to": "用户@example.org"}, {"cc": ("用户@example.org",)}])
def test_each_address_beyond_ascii_needs_smtputf8(other: dict[str, Any]) -> None:
    assert compose(replace(a_message(), **other), "us@example.org", BulkHeaders(), NOW).needs_utf8


@pytest.mark.parametrize(
    "other",
    [
        {"reply_to": "a@example.org\r\nBcc: all@example.org"},
        {"reply_to": "Us\nBcc: all@example.org <a@example.org>"},
        {"cc": ("a@example.org\r\nRCPT TO:<all@example.org>",)},
    ],
)
def test_no_line_break_gets_into_the_headers_through_another_address(other: dict[str, Any]) -> None:
    with pytest.raises(UnusableContentError):
        write(replace(a_message(), **other))


def test_no_other_address_ends_an_smtp_command() -> None:
    with pytest.raises(UnusableAddressError):
        write(replace(a_message(), cc=("a@example.org> SIZE=1",)))


def test_the_heads_that_are_remembered_are_bounded() -> None:
    for number in range(2 * MAX_SHARED_HEADS):
        write(a_message(subject=f"Your order {number}"))
    assert _shared_head.cache_info().currsize == MAX_SHARED_HEADS


def test_a_subject_of_a_message_with_a_secret_is_not_remembered() -> None:
    _shared_head.cache_clear()
    content = write(replace(a_message(subject="Your code is 471199"), secrets=("471199",)))
    assert read_headers(content)["Subject"] == "Your code is 471199"
    assert _shared_head.cache_info().currsize == 0


def test_a_mail_without_a_subject_has_an_empty_one() -> None:
    assert read(write(a_message(subject=None)))["Subject"] == ""


def test_a_mail_shows_no_address_and_no_text_of_itself() -> None:
    assert repr(compose(a_message(), "us@example.org", BulkHeaders(), NOW)) == "Mail(log_1@example.org)"


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("us@example.org", ""),
        ("Us <us@example.org>", "Us"),
        ("Shop, Inc. <us@example.org>", "Shop, Inc."),
        ('"Shop, Inc." <us@example.org>', "Shop, Inc."),
        ("店 <us@example.org>", "店"),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(sender: str, name: str) -> None:
    assert split_sender(sender) == (name, "us@example.org")


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "us",
        "us@",
        "@example.org",
        "Us <>",
        "Us <us@example.org",
        "a@b.org, c@d.org",
        "Us\r\nBcc: x <us@example.org>",
        "us@exämple.org",
        "us@a@b.org",
    ],
)
def test_an_invalid_sender_is_refused(sender: str) -> None:
    with pytest.raises(ValueError, match="must be an address or Name"):
        split_sender(sender)
