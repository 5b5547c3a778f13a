from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.errors import UsageError
from cli.send.request_options import check_request_options, read_content, read_timestamp, read_variables
from schemas.requests import BulkBody
from schemas.statuses import Channel

MAIL = {"channel": Channel.EMAIL, "subject": "Hi"}


def checked(**changes: Any) -> BulkBody:
    fields: dict[str, Any] = {"channel": Channel.SMS, "content": "hi", "template": None} | changes
    tenant, request_id = fields.pop("tenant", "tnt_test"), fields.pop("request_id", "req-1")
    return check_request_options(fields, tenant=tenant, request_id=request_id)


def test_valid_options_are_a_request_body() -> None:
    body = checked(channel=Channel.EMAIL, subject="Hi {{name}}", content="<p>{{name}}</p>", user_id="usr_1")
    assert (body.channel, body.subject, body.user_id) == (Channel.EMAIL, "Hi {{name}}", "usr_1")


@pytest.mark.parametrize("tenant", ["tnt_test", None])
def test_replies_and_copies_are_part_of_the_request(tenant: str | None) -> None:
    body = checked(**MAIL, reply_to="Help <help@example.com>", cc=["a@example.com"], tenant=tenant, request_id=None)
    assert (body.reply_to, body.cc) == ("Help <help@example.com>", ["a@example.com"])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"content": ""}, "--content, --content-file or --template: one of them is required."),
        ({"channel": Channel.EMAIL}, "--subject: is required for e-mail without a template"),
        ({"tenant": "a b"}, "--tenant: must have 1 to 64 letters"),
        ({"request_id": "a b"}, "--request-id: must have 1 to 128 letters"),
        ({"list": "my list"}, "--list: must have 1 to 64"),
        ({"budget": "1,50"}, "--budget: must be an amount such as 25.50"),
        ({**MAIL, "budget": "1"}, "--budget: must not be given for e-mail, because only SMS have prices"),
        ({"reply_topic": "a/b"}, "--reply-topic: must have 1 to 249 letters"),
        ({"region": "UK"}, "--region: must be the ISO 3166-1 code of a country with telephone numbers"),
        ({"user_id": ""}, "--user: must have at least 1 character"),
        ({"variables": {"n" * 101: "x"}}, "--variable: must have at most 100 characters"),
        ({"secret_variables": [""]}, "--secret-variable: must have at least 1 character"),
        ({"secret_variables": ["a", "a"]}, "--secret-variable: is named twice"),
        ({"reply_to": "a@example.com"}, "--reply-to: is only for e-mail"),
        ({"cc": ["a@example.com"]}, "--cc: is only for e-mail"),
        ({**MAIL, "reply_to": "nobody"}, "--reply-to: the address has no @"),
        ({**MAIL, "cc": ["a@example.com", "nobody"]}, "--cc: address 2: the address has no @"),
        ({**MAIL, "cc": ["a@example.com"] * 11}, "--cc: must have at most 10 items"),
        (
            {"send_at": read_timestamp("", "2026-01-02T00:00Z"), "expires_at": read_timestamp("", "2026-01-01T00:00Z")},
            "--expires-at: must be after send_at",
        ),
    ],
)
def test_each_wrong_option_is_named(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked(**changes)
    assert str(caught.value).startswith(line)


def test_all_wrong_options_are_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        checked(tenant="a b", user_id="", reply_topic="a/b")
    assert len(str(caught.value).splitlines()) == 3


def test_a_request_over_http_needs_no_tenant_option() -> None:
    assert checked(tenant=None, request_id=None).content == "hi"


def test_a_variable_may_hold_an_equals_sign() -> None:
    assert read_variables(["a=b=c", "d="]) == {"a": "b=c", "d": ""}


@pytest.mark.parametrize("pair", ["a", "=b"])
def test_a_variable_without_name_or_value_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match=r"--variable: must be name=value."):
        read_variables([pair])


def test_a_timestamp_keeps_its_offset() -> None:
    moment = read_timestamp("--send-at", "2026-01-31T09:00:00+08:00")
    assert moment is not None
    assert moment.utcoffset() == timedelta(hours=8)


@pytest.mark.parametrize(
    "text", ["2026-01-31T09:00:00", "9999-12-31T23:59:59Z", "20260131T090000Z", "1769821200", "tomorrow", ""]
)
def test_an_invalid_timestamp_or_one_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--send-at: .*[^.]\.$"):
        read_timestamp("--send-at", text)


def test_the_content_comes_from_one_option(tmp_path: Path) -> None:
    file = tmp_path / "content.txt"
    file.write_text("你好\n", "utf-8")
    assert read_content(None, file) == "你好"
    assert read_content("hi", None) == "hi"
    with pytest.raises(UsageError, match="only one of them is allowed"):
        read_content("hi", file)


@pytest.mark.parametrize(
    ("written", "content"),
    [
        (b"\xef\xbb\xbfYour code is {{code}}\r\n", "Your code is {{code}}"),
        (b"one\r\n\r\ntwo\r\n\r\n", "one\n\ntwo"),
        (b"one\rtwo\r", "one\ntwo"),
        (b"  one \n", "  one "),
        (b"\xef\xbb\xbf<html>", "<html>"),
        ("\ufeff<p>é</p>\r\n".encode("utf-16-le"), "<p>é</p>"),
        ("\ufeff<p>é</p>\r\n".encode("utf-16-be"), "<p>é</p>"),
        (b"\xef\xbb\xbf", ""),
    ],
)
def test_a_byte_order_mark_and_the_line_ends_at_the_end_of_a_file_are_no_content(
    tmp_path: Path, written: bytes, content: str
) -> None:
    file = tmp_path / "content.txt"
    file.write_bytes(written)
    assert read_content(None, file) == content


def test_a_content_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "content.txt"
    with pytest.raises(UsageError, match=r"--content-file: .* cannot be read"):
        read_content(None, file)
    file.write_bytes(b"\xef\xbb\xbfHello\n\xff")
    with pytest.raises(UsageError, match=r"--content-file: .*content\.txt, line 2: not UTF-8\."):
        read_content(None, file)
