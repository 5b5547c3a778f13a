"""Twilio on loopback, as https://www.twilio.com/docs/messaging/api/message-resource documents its Messages resource."""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import md5
from typing import Any
from urllib.parse import parse_qs, urlsplit

from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import VendorStage
from tests.contract.providers.vendors.server import Answer, Request, VendorServer

ACCOUNT, TOKEN = "AC" + "0a" * 16, "token-of-the-contract"
KEY, SECRET = "SK" + "0b" * 16, "secret-of-the-contract"
SERVICE = "MG" + "0c" * 16
NUMBER = "+15005550006"
CALLBACK = "https://receipts.example.org/twilio"

_PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
_FIELDS = {"To", "From", "MessagingServiceSid", "Body", "StatusCallback"}
"""Fields of the documented ones that an SMS of ours may have."""


def basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def error(status: int, code: int | None, message: str = "", headers: dict[str, str] | None = None) -> Answer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more, "status": status}
    return Answer(status, body, headers or {})


class TwilioServer(VendorServer):
    """Messages resource: one message and one id for each call."""

    def addresses(self, request: Request) -> Sequence[str]:
        return [request.form()["To"]]

    def respond(self, request: Request) -> Answer:
        form, (address,) = request.form(), self.addresses(request)
        act = self.act_of([address])
        if act is Act.CREDENTIALS or request.headers.get("authorization") not in {
            basic(ACCOUNT, TOKEN),
            basic(KEY, SECRET),
        }:
            return error(401, 20003, "Authenticate")
        if (request.method, request.path) != ("POST", _PATH):
            return error(404, 20404, f"The requested resource {request.path} was not found")
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        if act is Act.THROTTLE:
            return error(429, 20429, "Too Many Requests", {"Retry-After": "7"})
        if self.refused([address]):
            return error(400, 21211, f"The 'To' number {address} is not a valid phone number.")
        if code := _problem(form):
            return error(400, code, f"{form}")
        sid = f"SM{md5(str(self.arrived).encode(), usedforsecurity=False).hexdigest()}"
        self.take(parse_qs(urlsplit(form.get("StatusCallback", "")).query).get("delivery_id", [""])[0], sid)
        return Answer(201, _resource(form, sid))


def _problem(form: dict[str, str]) -> int | None:
    """Return the code of the first rule of the documentation that a form breaks."""
    callback = urlsplit(form.get("StatusCallback", CALLBACK))
    rules = {
        20001: form.keys() <= _FIELDS,
        21211: re.fullmatch(r"\+[1-9][0-9]{1,14}", form["To"]),
        21603: form.get("From") or form.get("MessagingServiceSid"),
        21705: re.fullmatch("MG[0-9a-fA-F]{32}", form.get("MessagingServiceSid", SERVICE)),
        21602: form.get("Body"),
        21617: len(form.get("Body", "")) <= 1_600,
        21609: callback.scheme in {"http", "https"} and callback.hostname and "_" not in callback.hostname,
    }
    return next((code for code, holds in rules.items() if not holds), None)


def _resource(form: dict[str, str], sid: str) -> dict[str, Any]:
    return {
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "body": form["Body"],
        "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
        "date_sent": None,
        "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": sid,
        "status": "queued" if "From" in form else "accepted",
        "subresource_uris": {"media": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}/Media.json"},
        "to": form["To"],
        "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json",
    }


class TwilioStage(VendorStage):
    channel = Channel.SMS
    acts = (Act.TAKE, Act.REFUSE, Act.THROTTLE, Act.HANG, Act.CUT, Act.GIBBERISH, Act.CREDENTIALS)
    throttle_seconds = 7
    refusal = Reason.INVALID_RECIPIENT
    server = TwilioServer
    entry = {  # noqa: RUF012
        "kind": "twilio",
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "sender": NUMBER,
        "status_callback": CALLBACK,
    }
