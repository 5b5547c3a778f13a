"""Amazon SES on loopback, as https://docs.aws.amazon.com/ses/latest/APIReference-V2/Welcome.html documents its API v2.

It makes the mails of a template as SES does, so that a test sees what a recipient would get.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from core.send_result import Message, SendResult
from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import VendorStage
from tests.contract.providers.vendors.server import Answer, Request, VendorServer
from tests.support.drafts import send_all

KEY_ID, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI+bPxRfiCYEXAMPLEKEY", "eu-west-1"
VERIFIED = "us@example.org"
UNVERIFIED = f"Email address is not verified. The following identities failed the check in region {REGION.upper()}: "

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(.+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)
_TAG = re.compile("[A-Za-z0-9_-]{1,256}")
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")


class Mail(NamedTuple):
    """Mail that the server took."""

    to: str
    cc: list[str]
    texts: dict[str, str]
    """Subject, Text and Html."""
    headers: dict[str, str]
    tags: dict[str, str]


class SesServer(VendorServer):
    """SendEmail, and SendBulkEmail with a status for each mail."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Mail] = []

    def addresses(self, request: Request) -> Sequence[str]:
        body = request.json()
        return [entry["Destination"]["ToAddresses"][0] for entry in body.get("BulkEmailEntries", [body])]

    def respond(self, request: Request) -> Answer:
        if problem := _signature_problem(request):
            return exception(403, problem)
        act = self.act_of(self.addresses(request))
        if act is Act.CREDENTIALS:
            return exception(400, "AccountSuspendedException")
        if act is Act.THROTTLE:
            return exception(429, "TooManyRequestsException")
        body = request.json()
        if VERIFIED not in body["FromEmailAddress"]:
            return exception(400, "MessageRejected", UNVERIFIED + body["FromEmailAddress"])
        if (request.method, request.path) == ("POST", "/v2/email/outbound-bulk-emails"):
            return self.take_several(body, len(request.body))
        assert (request.method, request.path) == ("POST", "/v2/email/outbound-emails")
        status = self._status(_single(body))
        return Answer(200, status) if "MessageId" in status else exception(400, "MessageRejected")

    def take_several(self, body: dict[str, Any], size: int) -> Answer:
        if size > 1_000_000 or not 0 < len(body["BulkEmailEntries"]) <= 50:
            return exception(400, "BadRequestException")
        return Answer(200, {"BulkEmailEntryResults": [self._status(mail) for mail in _several(body)]})

    def _status(self, mail: Mail) -> dict[str, str]:
        """Take a mail, and return its status in a call with several mails."""
        if self.refused([mail.to]) or not _is_valid(mail):
            return {"Status": "MESSAGE_REJECTED", "Error": mail.to}
        self.mails.append(mail)
        message_id = f"010201785a8d3d3f-5c9b3c0e-7a49-4a5e-8f3b-{len(self.mails):012d}-000000"
        self.take(mail.tags["delivery_id"], message_id)
        return {"Status": "SUCCESS", "MessageId": message_id}


def exception(status: int, code: str, text: str = "refused: take.1@example.com") -> Answer:
    """Return an error in the protocol restJson1 of AWS."""
    return Answer(status, {"message": text}, {"x-amzn-ErrorType": f"{code}:http://internal.amazon.com/coral/"})


def _single(body: dict[str, Any]) -> Mail:
    content = body["Content"]["Simple"]
    parts = {"Subject": content["Subject"], **content["Body"]}
    assert all(part["Data"].isascii() or part["Charset"] == "UTF-8" for part in parts.values())
    texts = {name: part["Data"] for name, part in parts.items()}
    return _mail(body["Destination"], texts, content.get("Headers", []), body.get("EmailTags", []))


def _several(body: dict[str, Any]) -> list[Mail]:
    template = body["DefaultContent"]["Template"]
    mails = []
    for entry in body["BulkEmailEntries"]:
        data = entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
        assert max(len(data), len(template["TemplateData"])) <= 262_144
        values = json.loads(data) or json.loads(template["TemplateData"])
        texts = {name: _rendered(text, values) for name, text in template["TemplateContent"].items()}
        mails.append(_mail(entry["Destination"], texts, entry["ReplacementHeaders"], entry["ReplacementTags"]))
    return mails


def _rendered(text: str, values: Mapping[str, str]) -> str:
    """Replace the variables. A value is neither escaped nor read as a template."""
    return _VARIABLE.sub(lambda found: values[found[1]], text)


def _mail(destination: dict[str, list[str]], texts: dict[str, str], *pairs: list[dict[str, str]]) -> Mail:
    headers, tags = ({pair["Name"]: pair["Value"] for pair in listed} for listed in pairs)
    (to,) = destination["ToAddresses"]
    return Mail(to, destination.get("CcAddresses", []), texts, headers, tags)


def _is_valid(mail: Mail) -> bool:
    lines = [f"{name}{value}" for name, value in mail.headers.items()]
    return (
        "".join((mail.to, *mail.cc, *lines)).isascii()
        and len(mail.cc) < 50
        and len(lines) <= 15
        and max(map(len, lines), default=0) <= 996
        and all(map(_TAG.fullmatch, (*mail.tags, *mail.tags.values())))
    )


def _signature_problem(request: Request) -> str | None:
    """Return the exception for a signature that is not that of the key, or None.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None or not {"host", "x-amz-date"} <= set(found[3].split(";")):
        return "IncompleteSignature"
    key_id, scope, signed, signature = found.groups()
    if key_id != KEY_ID:
        return "UnrecognizedClientException"
    if "x-amz-security-token" in request.headers and "x-amz-security-token" not in signed:
        return "IncompleteSignature"
    moment = request.headers["x-amz-date"]
    at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    lines = [f"{name}:{request.headers[name]}" for name in signed.split(";")]
    call = [request.method, request.path, "", *lines, "", signed, hashlib.sha256(request.body).hexdigest()]
    text = ["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256("\n".join(call).encode()).hexdigest()]
    key = f"AWS4{SECRET}".encode()
    for part in (moment[:8], REGION, "ses", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    is_right = hmac.digest(key, "\n".join(text).encode(), "sha256").hex() == signature
    is_now = abs(datetime.now(UTC) - at) < timedelta(minutes=15)
    return None if is_right and is_now else "InvalidSignatureException"


class SesStage(VendorStage):
    peer: SesServer
    channel = Channel.EMAIL
    acts = (Act.TAKE, Act.REFUSE, Act.THROTTLE, Act.HANG, Act.CUT, Act.GIBBERISH, Act.CREDENTIALS)
    batches = True
    refusal = Reason.INVALID_CONTENT
    server = SesServer
    entry = {  # noqa: RUF012
        "kind": "ses",
        "region": REGION,
        "access_key_id": KEY_ID,
        "secret_access_key": SECRET,
        "sender": f"Us <{VERIFIED}>",
    }

    async def results(self, *mails: Message, **entry: Any) -> list[SendResult]:
        """Send the mails in one batch, through a provider of its own."""
        provider = self.provider(**entry)
        answers = await send_all(provider, *mails)
        await provider.aclose()
        return answers


def a_mail(number: int = 1, **fields: Any) -> Message:
    usual = {"text": "Hello", "subject": "News", "is_html": False, "reference": None, "tenant_id": "tnt_1"}
    return Message(f"log_{number}", Channel.EMAIL, f"take.{number}@example.com", **{**usual, **fields})
