"""Short Message Service of Alibaba Cloud on loopback, as its pages document SendSms and SendBatchSms.

The pages are https://help.aliyun.com/en/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms, its neighbour
sendbatchsms, and https://help.aliyun.com/en/sms/developer-reference/api-error-codes.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from core.send_result import Message, SendResult
from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import VENDOR_TEMPLATE, VendorStage, a_message
from tests.contract.providers.vendors.server import Answer, Request, VendorServer
from tests.support.drafts import send_all

KEY_ID, SECRET = "LTAI5tContractKey", "secret-of-the-contract"

_AUTHORIZATION = re.compile(r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})")
_NUMBER = re.compile(r"(\+|00)?[1-9][0-9]{7,14}")
_IN_QUERY = {
    "SendSms": {"PhoneNumbers", "SignName", "TemplateCode", "TemplateParam", "OutId"},
    "SendBatchSms": {"TemplateCode", "OutId"},
}
"""Parameters of ours that belong into the query, by the action. The others belong into a form."""
_ACTS = {
    Act.REFUSE: "isv.MOBILE_NUMBER_ILLEGAL",
    Act.UNAVAILABLE: "isv.BUSINESS_LIMIT_CONTROL",
    Act.CREDENTIALS: "isv.OUT_OF_SERVICE",
}


class Sms(NamedTuple):
    """Message of a call."""

    number: str
    sign_name: str
    parameters: dict[str, str]


class AliyunServer(VendorServer):
    """SendSms with the same parameters for 1,000 numbers, and SendBatchSms with own ones for 100."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Sms] = []
        """Messages that the server took."""
        self.nonces: set[str] = set()

    def addresses(self, request: Request) -> Sequence[str]:
        return _numbers(request)

    def respond(self, request: Request) -> Answer:
        if problem := self._gateway_problem(request):
            return problem
        action = request.headers["x-acs-action"]
        assert (request.method, request.path) == ("POST", "/")
        assert request.query.keys() <= _IN_QUERY[action]
        act = self.act_of(_numbers(request))
        if act is Act.THROTTLE:
            return error(400, "Throttling.User", {"x-acs-retry-after": "7000"})
        if self.refused(_numbers(request)):
            act = Act.REFUSE
        if code := _ACTS.get(act) or _problem(request):
            return answer(code)
        biz_id = f"{900619746936498440 + self.arrived}^0"
        for message in _messages(request):
            self.messages.append(message)
            # Only a call with one message names it. The numbers of the contract have the number of the delivery.
            self.take(request.query.get("OutId") or f"log_{int(message.number[-8:-1])}", biz_id)
        return answer("OK", biz_id)

    def _gateway_problem(self, request: Request) -> Answer | None:
        """Check the signature and the headers, which is what the gateway in front of the API does.

        Source: https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
        """
        headers = request.headers
        found = _AUTHORIZATION.fullmatch(headers["authorization"])
        assert found is not None
        key_id, signed, signature = found.groups()
        if key_id != KEY_ID:
            return error(404, "InvalidAccessKeyId.NotFound")
        must_be_signed = {name for name in headers if name in {"host", "content-type"} or name.startswith("x-acs-")}
        is_complete = must_be_signed <= set(signed.split(";"))
        if not is_complete or not hmac.compare_digest(signature, _signature(request, signed.split(";"))):
            return error(400, "SignatureDoesNotMatch")
        moment = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(datetime.now(UTC) - moment) > timedelta(minutes=15):
            return error(400, "InvalidTimeStamp.Expired")
        if headers["x-acs-signature-nonce"] in self.nonces:
            return error(400, "SignatureNonceUsed")
        self.nonces.add(headers["x-acs-signature-nonce"])
        if headers["x-acs-version"] != "2017-05-25":
            return error(400, "InvalidVersion")
        return None if headers["x-acs-action"] in _IN_QUERY else error(404, "InvalidAction.NotFound")


def answer(code: str, biz_id: str | None = None) -> Answer:
    """Return an answer of the API, which is a 200 also for a refusal. It may show the number."""
    body = {"Message": "OK" if code == "OK" else "+8613800000000 is refused", "RequestId": "F655A8D5", "Code": code}
    return Answer(200, {**body, "BizId": biz_id} if biz_id else body)


def error(status: int, code: str, headers: dict[str, str] | None = None) -> Answer:
    """Return an error of the gateway."""
    body = {"RequestId": "F655A8D5", "HostId": "dysmsapi.aliyuncs.com", "Code": code, "Message": "refused"}
    return Answer(status, body, headers or {})


def _numbers(request: Request) -> list[str]:
    if "PhoneNumbers" in request.query:
        return request.query["PhoneNumbers"].split(",")
    numbers: list[str] = json.loads(request.form()["PhoneNumberJson"])
    return numbers


def _messages(request: Request) -> list[Sms]:
    """Return the messages. Raise ValueError if a text is no JSON, or if the lists have different lengths."""
    if request.headers["x-acs-action"] == "SendSms":
        parameters = json.loads(request.query.get("TemplateParam", "{}"))
        return [Sms(number, request.query["SignName"], parameters) for number in _numbers(request)]
    form = request.form()
    lists = [json.loads(form[name]) for name in ("PhoneNumberJson", "SignNameJson", "TemplateParamJson")]
    return [Sms(*fields) for fields in zip(*lists, strict=True)]


def _problem(request: Request) -> str | None:
    """Return the code of the first rule of the documentation that a call breaks."""
    try:
        messages = _messages(request)
    except ValueError:
        return "isv.INVALID_JSON_PARAM"
    most = 1_000 if request.headers["x-acs-action"] == "SendSms" else 100
    values = [value for message in messages for value in message.parameters.values()]
    rules = {
        "isv.MOBILE_COUNT_OVER_LIMIT": 0 < len(messages) <= most,
        "isv.MOBILE_NUMBER_ILLEGAL": all(_NUMBER.fullmatch(message.number) for message in messages),
        "isv.SMS_TEMPLATE_ILLEGAL": request.query["TemplateCode"] == VENDOR_TEMPLATE.template_code,
        "isv.SMS_SIGNATURE_ILLEGAL": {message.sign_name for message in messages} == {VENDOR_TEMPLATE.sign_name},
        "isv.TEMPLATE_MISSING_PARAMETERS": all(message.parameters.keys() == {"code"} for message in messages),
        "isv.INVALID_JSON_PARAM": all(isinstance(value, str) for value in values),
        "isv.PARAM_LENGTH_LIMIT": all(1 <= len(value) <= 35 for value in values),
        "isv.INVALID_PARAMETERS": len(request.query.get("OutId", "")) < 256,
    }
    return next((code for code, holds in rules.items() if not holds), None)


def _signature(request: Request, signed: Sequence[str]) -> str:
    query = "&".join(f"{name}={quote(value, safe='~')}" for name, value in sorted(request.query.items()))
    lines = "".join(f"{name}:{request.headers[name]}\n" for name in signed)
    payload = hashlib.sha256(request.body).hexdigest()
    assert request.headers["x-acs-content-sha256"] == payload
    call = f"{request.method}\n{request.path}\n{query}\n{lines}\n{';'.join(signed)}\n{payload}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(call.encode()).hexdigest()}"
    return hmac.digest(SECRET.encode(), text.encode(), "sha256").hex()


class AliyunStage(VendorStage):
    peer: AliyunServer
    channel = Channel.SMS
    acts = tuple(Act)
    throttle_seconds = 7
    batches = True
    refusal = Reason.INVALID_RECIPIENT
    server = AliyunServer
    entry = {"kind": "aliyun", "access_key_id": KEY_ID, "access_key_secret": SECRET}  # noqa: RUF012

    def sms(self, number: int = 1, code: str = "4711", act: Act = Act.TAKE, **fields: Any) -> Message:
        """Return a message to an address of its own."""
        to, variables = self.address(act, number), {"code": code}
        return replace(a_message(self, act, number), **{"to": to, "variables": variables, **fields})

    async def results(self, *messages: Message, **entry: Any) -> list[SendResult]:
        """Send the messages in one batch, through a provider of its own."""
        provider = self.provider(**entry)
        results = await send_all(provider, *messages)
        await provider.aclose()
        return results
