"""Mailgun on loopback: its Messages API, as the pages that docs/providers/mailgun.md names document it."""

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from email import message_from_bytes
from urllib.parse import parse_qsl

from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import VendorStage
from tests.contract.providers.vendors.server import Answer, Request, VendorServer

KEY = "key-of-the-contract"
DOMAIN = "mg.example.org"
MESSAGE_ID = "20180622182958.1.48906CB188F1A454@mg.example.org"

Form = list[tuple[str, str]]
Mail = dict[str, str]


def form_of(request: Request) -> Form:
    """Return the fields of a form in order. Mailgun takes both types if there is no attachment."""
    kind = request.headers["content-type"]
    if kind == "application/x-www-form-urlencoded":
        return parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert kind.startswith("multipart/form-data; boundary=")
    parts = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body).get_payload()
    return [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True).decode()) for part in parts
    ]


def all_of(form: Form, name: str) -> list[str]:
    """Return the addresses of a field that may come several times, or have commas."""
    return [address for field, value in form if field == name for address in value.split(",")]


class MailgunServer(VendorServer):
    """Messages API: one answer and one id for all messages of a call."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Mail] = []
        """Fields of each mail as its recipient gets it."""

    def addresses(self, request: Request) -> Sequence[str]:
        return all_of(form_of(request), "to")

    def respond(self, request: Request) -> Answer:
        login = b64encode(f"api:{KEY}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            return Answer(401, "Forbidden")
        if (request.method, request.path) != ("POST", f"/v3/{DOMAIN}/messages"):
            return _error(404, "Domain not found: other.example.org")
        form, addresses = form_of(request), self.addresses(request)
        act = self.act_of(addresses)
        if act is Act.CREDENTIALS:
            return _error(400, f"Domain {DOMAIN} is not allowed to send: Please activate your Mailgun account.")
        if act is Act.THROTTLE:
            why = "account-requests-per-sec limit exceeded, try again after 120 seconds"
            return _error(429, f"Domain {DOMAIN} is not allowed to send: {why}")
        if act is Act.UNAVAILABLE:
            return _error(402, "Request Failed")
        if self.refused(addresses):
            return _error(400, "to parameter is not a valid address. please check documentation")
        if problem := _problem(form):
            return _error(400, problem)
        for mail in _mails(form):
            self.mails.append(mail)
            self.take(mail["v:delivery_id"], MESSAGE_ID)
        return Answer(200, {"id": f"<{MESSAGE_ID}>", "message": "Queued. Thank you."})


def _problem(form: Form) -> str | None:
    """Return the documented text for the first rule that a form breaks."""
    fields, addresses = dict(form), all_of(form, "to")
    options = sum(len(name) + len(value.encode()) for name, value in form if name.startswith(("h:", "v:", "o:")))
    rules = {
        "from parameter is not a valid address. please check documentation": _is_mailbox(fields.get("from", "")),
        "to parameter is not a valid address. please check documentation": all(map(_is_mailbox, addresses)),
        "cc parameter is not a valid address. please check documentation": all(map(_is_mailbox, all_of(form, "cc"))),
        "Need at least one of 'text' or 'html' parameters specified": bool(fields.get("text") or fields.get("html")),
        "Too many recipients, max is 1000": len(addresses) <= 1_000,
        "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total": options <= 16_000,
    }
    return next((text for text, holds in rules.items() if not holds), None)


def _is_mailbox(text: str) -> bool:
    return bool(re.fullmatch(r'(?:(?:"[^"]*"|[^"<>,@]*) <[^<>,@ ]+@[^<>,@ ]+>)|[^<>,@ ]+@[^<>,@ ]+', text))


def _mails(form: Form) -> list[Mail]:
    """Return the mail of each recipient. Without variables there is one, which shows all addresses."""
    fields = {name: value for name, value in form if name not in {"to", "recipient-variables"}}
    variables = json.loads(dict(form).get("recipient-variables", "null"))
    if variables is None:
        return [{**fields, "to": ",".join(all_of(form, "to"))}]
    return [
        {"to": address, **{name: _replace(value, variables.get(address, {})) for name, value in fields.items()}}
        for address in dict.fromkeys(all_of(form, "to"))
    ]


def _replace(text: str, variables: dict[str, str]) -> str:
    """Replace the variables, also in what replaced one. Mailgun does not say whether it does this."""
    for _ in range(2):
        for name, value in variables.items():
            text = text.replace(f"%recipient.{name}%", value)
    return text


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"message": message})


class MailgunStage(VendorStage):
    channel = Channel.EMAIL
    acts = tuple(Act)
    batches = True
    throttle_seconds = 120
    refusal = Reason.INVALID_RECIPIENT
    server = MailgunServer
    entry = {"kind": "mailgun", "domain": DOMAIN, "api_key": KEY, "sender": "Us <us@example.org>"}  # noqa: RUF012
