"""SendGrid on loopback, as https://www.twilio.com/docs/sendgrid/api-reference/mail-send documents its Mail Send API."""

import time
from collections.abc import Sequence
from typing import Any

from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import VendorStage
from tests.contract.providers.vendors.server import Answer, Request, VendorServer

KEY = "SG.key-of-the-contract"
MESSAGE_ID = "WSmlqZtiTmSyVFjG9OJKSg"

_TYPES = {("text/plain",), ("text/html",), ("text/plain", "text/html")}


class SendgridServer(VendorServer):
    """Mail Send API: one answer and one id for all messages of a call."""

    def addresses(self, request: Request) -> Sequence[str]:
        return [block["to"][0]["email"] for block in request.json()["personalizations"]]

    def respond(self, request: Request) -> Answer:
        assert (request.method, request.path) == ("POST", "/v3/mail/send")
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _error(401, "The provided authorization grant is invalid, expired, or revoked", None)
        body, addresses = request.json(), self.addresses(request)
        act = self.act_of(addresses)
        if act is Act.CREDENTIALS:
            return _error(403, "The from address does not match a verified Sender Identity.", "from")
        if act is Act.THROTTLE:
            return _error(429, "too many requests", None, {"X-RateLimit-Reset": str(int(time.time()) + 30)})
        if act is Act.UNAVAILABLE:
            return _error(503, "unavailable", None)
        if refused := self.refused(addresses):
            return _error(400, f"Does not contain a valid address: {addresses}", f"personalizations.{refused[0]}.to")
        if problem := _problem(body):
            return _error(400, *problem)
        for block in body["personalizations"]:
            self.take(block["custom_args"]["delivery_id"], MESSAGE_ID)
        return Answer(202, b"", {"X-Message-Id": MESSAGE_ID})


def _problem(body: dict[str, Any]) -> tuple[str, str] | None:
    """Return the first rule of the documentation that a body breaks, and its field."""
    blocks = body["personalizations"]
    emails = [one["email"] for block in blocks for kind in ("to", "cc", "bcc") for one in block.get(kind, [])]
    rules = {
        "personalizations": 0 < len(blocks) <= 1_000 and 0 < len(emails) <= 1_000 and len(set(emails)) == len(emails),
        "from.email": "@" in body.get("from", {}).get("email", ""),
        "subject": all(block.get("subject") or body.get("subject") for block in blocks),
        "content": tuple(part["type"] for part in body["content"]) in _TYPES,
        "content.0.value": all(part["value"] for part in body["content"]),
        "personalizations.0.substitutions": all(_size(block) <= 10_000 for block in blocks),
    }
    broken = next((field for field, holds in rules.items() if not holds), None)
    return (f"{broken} is not valid", broken) if broken else None


def _size(block: dict[str, Any]) -> int:
    return sum(len(value.encode()) for value in block.get("substitutions", {}).values())


def _error(status: int, message: str, field: str | None, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {"errors": [{"message": message, "field": field, "help": None}]}, headers or {})


class SendgridStage(VendorStage):
    channel = Channel.EMAIL
    acts = (Act.TAKE, Act.REFUSE, Act.THROTTLE, Act.HANG, Act.CUT, Act.GIBBERISH, Act.CREDENTIALS)
    batches = True
    throttle_seconds = 30
    refusal = Reason.INVALID_RECIPIENT
    server = SendgridServer
    entry = {"kind": "sendgrid", "api_key": KEY, "sender": "Us <us@example.org>"}  # noqa: RUF012
