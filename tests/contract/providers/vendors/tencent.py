"""Tencent Cloud SMS on loopback, as https://cloud.tencent.com/document/api/382/55981 documents SendSms."""

import hashlib
import re
import time
from collections.abc import Sequence
from typing import Any

from tencentcloud.common.sign import Sign

from core.send_result import Message, SendResult
from core.vendor_template import VendorTemplate
from schemas.statuses import Channel, Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import VendorStage
from tests.contract.providers.vendors.server import Answer, Request, VendorServer, act_at, address_for
from tests.support.drafts import send_all

SECRET_ID, SECRET_KEY, APP_ID, REGION = "AKIDEXAMPLE", "key-of-the-contract", "1400006666", "ap-guangzhou"

TEMPLATE = VendorTemplate("1110", "腾讯云", ("code",))

_AUTHORIZATION = re.compile(r"TC3-HMAC-SHA256 Credential=([^/]+)/(.+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})")
_ERRORS = {
    Act.CREDENTIALS: "UnauthorizedOperation.ServiceSuspendDueToArrears",
    Act.THROTTLE: "RequestLimitExceeded",
    Act.UNAVAILABLE: "ServiceUnavailable",
}


class TencentServer(VendorServer):
    """SendSms: the status of each number, or one error for the whole call, in the body of a 200."""

    def addresses(self, request: Request) -> Sequence[str]:
        return request.json()["PhoneNumberSet"]

    def respond(self, request: Request) -> Answer:
        assert (request.method, request.path) == ("POST", "/")
        if code := _problem(request) or _ERRORS.get(self.act_of(self.addresses(request))):
            return error(code)
        context = request.json().get("SessionContext", "")
        return answer(*(self._status(number, context) for number in self.addresses(request)))

    def _status(self, number: str, context: str) -> dict[str, Any]:
        """Take a message, and return the status of its number. Without a context, the number tells its delivery id."""
        if act_at(number) is Act.REFUSE:
            return status(number, "FailedOperation.PhoneNumberInBlacklist")
        serial = f"5000:1045710669157053657849{len(self.taken):06d}"
        self.take(context or f"log_{int(number[6:13])}", serial)
        return status(number, "Ok", serial)


def status(number: str, code: str, serial: str = "") -> dict[str, Any]:
    """Return the status of one number."""
    fee = int(code == "Ok")
    text = "send success" if fee else f"{number} is refused"
    return {"SerialNo": serial, "PhoneNumber": number, "Fee": fee, "Code": code, "Message": text, "IsoCode": "CN"}


def answer(*statuses: Any) -> Answer:
    return Answer(200, {"Response": {"SendStatusSet": list(statuses), "RequestId": "a0aabda6-cf91"}})


def error(code: Any) -> Answer:
    return Answer(200, {"Response": {"Error": {"Code": code, "Message": "refused"}, "RequestId": "a0aabda6-cf91"}})


def _problem(request: Request) -> str | None:
    """Return the code of the first rule of the documentation that a call breaks."""
    if problem := _signature_problem(request):
        return problem
    headers, body = request.headers, request.json()
    numbers, abroad = body["PhoneNumberSet"], [not number.startswith("+86") for number in body["PhoneNumberSet"]]
    rules = {
        "InvalidAction": headers["x-tc-action"] == "SendSms",
        "NoSuchVersion": headers["x-tc-version"] == "2021-01-11",
        "UnsupportedRegion": headers["x-tc-region"] == REGION,
        "UnauthorizedOperation.SmsSdkAppIdVerifyFail": body["SmsSdkAppId"] == APP_ID,
        "LimitExceeded.PhoneNumberCountLimit": 0 < len(numbers) <= 200,
        "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber": len(set(abroad)) == 1,
        "InvalidParameterValue.IncorrectPhoneNumber": all(re.fullmatch(r"\+[1-9][0-9]{6,14}", n) for n in numbers),
        "FailedOperation.SignatureIncorrectOrUnapproved": any(abroad) or bool(body.get("SignName")),
        "InvalidParameter": len(body.get("SessionContext", "")) < 512 and all(map(str.isdigit, body["TemplateId"])),
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": all(
            isinstance(value, str) for value in body.get("TemplateParamSet", [])
        ),
    }
    return next((code for code, holds in rules.items() if not holds), None)


def _signature_problem(request: Request) -> str | None:
    """Return the code for a signature that is not that of the key, or None. The key signs with Tencent's own code.

    Source: https://www.tencentcloud.com/document/product/1294/76500
    """
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None or not {"content-type", "host"} <= set(found[3].split(";")):
        return "AuthFailure.InvalidAuthorization"
    secret_id, scope, signed, signature = found.groups()
    if secret_id != SECRET_ID:
        return "AuthFailure.SecretIdNotFound"
    at = int(request.headers["x-tc-timestamp"])
    date = time.strftime("%Y-%m-%d", time.gmtime(at))
    lines = [f"{name}:{request.headers[name].lower()}" for name in signed.split(";")]
    call = [request.method, "/", "", *lines, "", signed, hashlib.sha256(request.body).hexdigest()]
    text = ["TC3-HMAC-SHA256", str(at), scope, hashlib.sha256("\n".join(call).encode()).hexdigest()]
    if abs(time.time() - at) > 300 or scope != f"{date}/sms/tc3_request":
        return "AuthFailure.SignatureExpire"
    is_right = Sign.sign_tc3(SECRET_KEY, date, "sms", "\n".join(text)) == signature
    return None if is_right else "AuthFailure.SignatureFailure"


class TencentStage(VendorStage):
    peer: TencentServer
    channel = Channel.SMS
    acts = tuple(Act)
    batches = True
    refusal = Reason.BLOCKED
    server = TencentServer
    entry = {  # noqa: RUF012
        "kind": "tencent",
        "region": REGION,
        "secret_id": SECRET_ID,
        "secret_key": SECRET_KEY,
        "sms_sdk_app_id": APP_ID,
    }

    async def results(self, *messages: Message, answer: Answer | None = None, **entry: Any) -> list[SendResult]:
        """Send the messages in one batch, through a provider of its own. The server may have to answer `answer`."""
        self.peer.strange = answer.encode() if answer else None
        provider = self.provider(**entry)
        results = await send_all(provider, *messages)
        await provider.aclose()
        return results


def an_sms(
    number: int, *, to: str | None = None, template: VendorTemplate | None = TEMPLATE, **variables: str
) -> Message:
    """Return a message with a number of its own, and its template for the provider `tried`."""
    to = to or address_for(Channel.SMS, Act.TAKE, number)
    return Message(
        f"log_{number}",
        Channel.SMS,
        to,
        "Your code is 4711",
        subject=None,
        is_html=False,
        reference=None,
        tenant_id="tnt_1",
        variables={"code": "4711", **variables},
        vendor_templates={"tried": template} if template else {},
    )
