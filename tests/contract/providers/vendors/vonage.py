"""Vonage on loopback, as https://developer.vonage.com/en/api/sms documents its SMS API."""

import re
from base64 import b64encode
from collections.abc import Sequence
from math import ceil

from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import VendorStage
from tests.contract.providers.vendors.server import Answer, Request, VendorServer, act_at

KEY, SECRET = "abcd1234", "secret-of-the-contract"
AUTHORIZATION = f"Basic {b64encode(f'{KEY}:{SECRET}'.encode()).decode()}"

_CHARACTERS = {"text": (160, 153), "unicode": (70, 67)}
"""Maximum number of characters in a single part and in each of several, by the type."""


class VonageServer(VendorServer):
    """SMS API: the statuses are in the body of a 200, one for each part of the message."""

    def addresses(self, request: Request) -> Sequence[str]:
        return [request.form()["to"]]

    def respond(self, request: Request) -> Answer:
        assert (request.method, request.path) == ("POST", "/sms/json")
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        form = request.form()
        codes = {Act.REFUSE: "7", Act.THROTTLE: "1", Act.CREDENTIALS: "9"}
        known = request.headers.get("authorization") == AUTHORIZATION
        if code := (_problem(form) or codes.get(act_at(form["to"]))) if known else "4":
            return answer(code, to=form["to"])
        ids = [f"0A{number:02X}B1C2D3{len(self.taken):06X}" for number in range(_parts(form))]
        self.take(form["client-ref"], ids[0])
        return answer(*["0"] * len(ids), ids=ids, to=form["to"], client_ref=form["client-ref"])


def answer(*codes: str, ids: Sequence[str] = (), to: str = "", client_ref: str = "") -> Answer:
    """Return an answer with these statuses of the parts. A part that was taken has an id, and a refused one a text."""
    given = iter(ids)
    parts = [
        {"to": to, "message-id": next(given), "status": code, "network": "46000", "client-ref": client_ref}
        if code == "0"
        else {"status": code, "error-text": f"{to} is refused"}
        for code in codes
    ]
    return Answer(200, {"message-count": str(len(parts)), "messages": parts})


def _problem(form: dict[str, str]) -> str | None:
    """Return the status of the first rule of the documentation that a form breaks."""
    if not all(form.get(name) for name in ("from", "to", "text")):
        return "2"
    is_number = re.fullmatch("[0-9]{7,15}", form["to"])
    return None if is_number and form["type"] in _CHARACTERS and len(form["client-ref"]) <= 100 else "3"


def _parts(form: dict[str, str]) -> int:
    single, each = _CHARACTERS[form["type"]]
    length = len(form["text"])
    return 1 if length <= single else ceil(length / each)


class VonageStage(VendorStage):
    channel = Channel.SMS
    acts = (Act.TAKE, Act.REFUSE, Act.THROTTLE, Act.HANG, Act.CUT, Act.GIBBERISH, Act.CREDENTIALS)
    refusal = Reason.BLOCKED
    server = VonageServer
    entry = {"kind": "vonage", "api_key": KEY, "api_secret": SECRET, "sender": "Rollcall"}  # noqa: RUF012
