"""Link of the recipient in the headers of an e-mail, at each kind of provider."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from core.send_result import Message
from providers.http import GatewayApi, HttpEntry
from providers.mail_message import compose
from providers.smtp import SmtpEntry
from providers.vendors.mailgun import MailgunApi, MailgunEntry
from providers.vendors.sendgrid import SendgridApi, SendgridEntry
from providers.vendors.ses_mail import encode_mail
from schemas.statuses import Category, Channel
from tests.unit.providers.mail_checker import read_headers

LINK = "https://mail.example.org/communication/unsubscribe/0123456789abcdef" + "A" * 140
MAIL = Message(
    *("log_1", Channel.EMAIL, "a@example.com", "Hello", "Hi", False, None, "tnt_1"),
    category=Category.MARKETING,
    unsubscribe_url=LINK,
)
POST = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
SENDER = {"name": "post", "sender": "us@example.org"}
NAMES = ("List-Unsubscribe", "List-Unsubscribe-Post")


def smtp(message: Message, **entry: Any) -> dict[str, str]:
    settings = SmtpEntry.model_validate({**SENDER, "kind": "smtp", "host": "h", **entry})
    content = compose(message, settings.sender, settings.bulk_headers(), 0).content
    assert max(map(len, content.split(b"\r\n"))) <= 998
    return read_headers(content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")


def ses(message: Message, **entry: Any) -> dict[str, str]:
    settings = SmtpEntry.model_validate({**SENDER, "kind": "smtp", "host": "h", **entry})
    return {each["Name"]: each["Value"] for each in encode_mail(message, settings.bulk_headers()).headers}


def sendgrid(message: Message, **entry: Any) -> dict[str, str]:
    settings = SendgridEntry.model_validate({**SENDER, "kind": "sendgrid", "api_key": "k", **entry})
    headers: dict[str, str] = SendgridApi(settings).encode(message).personalization.get("headers", {})
    return headers


def mailgun(message: Message, **entry: Any) -> dict[str, str]:
    settings = MailgunEntry.model_validate(
        {**SENDER, "kind": "mailgun", "domain": "example.org", "api_key": "k", **entry}
    )
    fields = MailgunApi(settings).encode(message).fields
    return {name[2:]: value for name, value in fields.items() if name.startswith("h:")}


KINDS = pytest.mark.parametrize("headers", [smtp, ses, sendgrid, mailgun])
Headers = Callable[..., dict[str, str]]


def of(headers: dict[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in NAMES if name in headers}


@KINDS
def test_the_link_is_in_the_headers_without_a_setting_of_the_entry(headers: Headers) -> None:
    assert of(headers(MAIL)) == {"List-Unsubscribe": f"<{LINK}>", **POST}
    assert of(headers(replace(MAIL, unsubscribe_url=None))) == {}


@KINDS
def test_the_link_goes_before_the_uris_of_the_entry_and_is_the_only_one_of_the_web(headers: Headers) -> None:
    uris = "<https://other.example/u?id={{id}}>, <mailto:out+{{id}}@example.org>"
    own = headers(replace(MAIL, variables={"id": "7"}), list_unsubscribe=uris)

    assert of(own) == {"List-Unsubscribe": f"<{LINK}>, <mailto:out+7@example.org>", **POST}


@KINDS
@pytest.mark.parametrize("uri", ["mailto:out+{{id}}@example.org", "https://other.example/{{id}}"])
def test_a_marketing_mail_with_a_link_needs_no_variable_of_the_entry(headers: Headers, uri: str) -> None:
    assert of(headers(MAIL, list_unsubscribe=uri)) == {"List-Unsubscribe": f"<{LINK}>", **POST}


@KINDS
def test_a_link_without_https_offers_no_single_click(headers: Headers) -> None:
    link = LINK.replace("https:", "http:")
    assert of(headers(replace(MAIL, unsubscribe_url=link))) == {"List-Unsubscribe": f"<{link}>"}


def test_a_uri_that_does_not_fit_into_a_line_is_left_out() -> None:
    mail = replace(MAIL, variables={"id": "x" * 980})
    headers = smtp(mail, list_unsubscribe="mailto:out@example.org?subject={{id}}")

    assert of(headers) == {"List-Unsubscribe": f"<{LINK}>", **POST}


def test_a_gateway_gets_the_link_as_a_field() -> None:
    entry = HttpEntry.model_validate({"name": "g", "kind": "http", "channel": "email", "url": "https://g.example/"})
    api = GatewayApi(entry, lambda: datetime.now(UTC))

    assert orjson.loads(api.encode(MAIL)[1])["unsubscribe_url"] == LINK
    assert "unsubscribe_url" not in orjson.loads(api.encode(replace(MAIL, unsubscribe_url=None))[1])
