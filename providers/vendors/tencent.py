"""Kind `tencent`: SMS through SendSms of Tencent Cloud, which sends its own approved templates.

Limits and fields are those of https://cloud.tencent.com/document/api/382/55981.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from core.json_bytes import json_bytes
from core.send_result import Failed, Message, Retry, SendResult, Sent
from providers.draft import UnsendableError
from providers.http_api import ApiAnswer, HttpApi, HttpRequest, OneForAll, Results, result_of_status
from providers.http_api_provider import HttpApiProvider
from providers.http_client import HttpUrl
from providers.http_entry import HeaderSecret, VendorEntry
from providers.message_ids import message_id_of
from providers.network import Network
from providers.vendors.tencent_codes import TABLE, WAITS, deciding_code, family_of
from providers.vendors.tencent_signature import CONTENT_TYPE, authorization
from schemas.statuses import Channel, Reason

MAX_NUMBERS = 200
"""Maximum number of messages of one call."""
MAX_CHARACTERS = 500
"""Maximum length of an SMS with its sign and its values (https://cloud.tencent.com/document/product/382/39023)."""

_MAINLAND = "+86"
"""Calling code of mainland China. Hong Kong, Macao and Taiwan have their own."""


class TencentEntry(VendorEntry):
    """Settings of an application of Tencent Cloud SMS."""

    kind: Literal["tencent"]
    channel: Literal[Channel.SMS] = Channel.SMS
    base_url: HttpUrl = Field(
        default="https://sms.tencentcloudapi.com",
        description="URL of the API. For an account of tencentcloud.com: https://sms.intl.tencentcloudapi.com.",
    )
    region: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="region of the application, such as ap-guangzhou")
    secret_id: HeaderSecret = Field(description="id of the API key, which may call SendSms")
    secret_key: HeaderSecret = Field(description="key of the API key. It signs, and is never sent.")
    sms_sdk_app_id: str = Field(pattern=r"^[0-9]{1,20}$", description="SdkAppId of the application, of digits")
    sign_name: str = Field(
        default="", pattern=r"^[^\r\n]{0,64}$", description="name of the sender if the mapping of a template has none"
    )
    sender: str | None = Field(
        default=None, min_length=1, max_length=320, description="own Sender ID for numbers outside mainland China"
    )


@dataclass(frozen=True, slots=True, repr=False)
class TencentSms:
    """Message as Tencent takes it."""

    message: Message
    sign_name: str
    template_id: str
    values: tuple[str, ...]

    @property
    def is_mainland(self) -> bool:
        """Return whether the number is one of mainland China."""
        return self.message.to.startswith(_MAINLAND)

    @property
    def shared(self) -> tuple[str, str, tuple[str, ...], bool]:
        """Return what all messages of a call must have in common."""
        return self.sign_name, self.template_id, self.values, self.is_mainland


class TencentApi(HttpApi[TencentSms]):
    """SendSms: one call has one text for many numbers, and its answer a status for each."""

    batch_size = MAX_NUMBERS
    needs_vendor_template = True

    def __init__(self, entry: TencentEntry) -> None:
        self.check_url = entry.base_url
        self._url = f"{entry.base_url.rstrip('/')}/"
        self._host = urlsplit(entry.base_url).netloc
        self._name, self._sign_name, self._sender = entry.name, entry.sign_name, entry.sender
        self._app_id, self._region = entry.sms_sdk_app_id, entry.region
        self._keys = entry.secret_id.get_secret_value(), entry.secret_key.get_secret_value()

    def encode(self, message: Message) -> TencentSms:
        """Return the message as the code and the values of its template. Raises UnsendableError."""
        template = message.vendor_templates.get(self._name)
        if template is None:
            raise UnsendableError(Failed(Reason.TEMPLATE_NOT_MAPPED, "no mapping of the template", offered=False))
        values = tuple(value for _, value in message.parameters(template))
        sms = TencentSms(message, template.sign_name or self._sign_name, template.template_code, values)
        if sms.is_mainland and not sms.sign_name:
            raise UnsendableError(Failed(Reason.TEMPLATE_NOT_MAPPED, "no sign_name", offered=False))
        if len(sms.sign_name) + sum(map(len, values)) > MAX_CHARACTERS:
            raise UnsendableError(Failed(Reason.TOO_LONG, f"more than {MAX_CHARACTERS} characters", offered=False))
        return sms

    def groups(self, messages: Sequence[TencentSms]) -> list[list[int]]:
        """Put the messages with the same text into one call, and those to mainland China into others."""
        calls: dict[object, list[int]] = {}
        for place, sms in enumerate(messages):
            calls.setdefault(sms.shared, []).append(place)
        return list(calls.values())

    def request(self, messages: Sequence[TencentSms]) -> HttpRequest:
        """Return the call, signed. The delivery id of a message alone is the context of the call."""
        first = messages[0]
        body: dict[str, Any] = {
            "PhoneNumberSet": [sms.message.to for sms in messages],
            "SmsSdkAppId": self._app_id,
            "TemplateId": first.template_id,
            "TemplateParamSet": first.values,
        }
        if first.sign_name:
            body["SignName"] = first.sign_name
        if self._sender is not None and not first.is_mainland:
            body["SenderId"] = self._sender
        if len(messages) == 1:
            body["SessionContext"] = first.message.id
        content = json_bytes(body)
        return HttpRequest(self._url, content, self._headers(content), CONTENT_TYPE)

    def _headers(self, content: bytes) -> dict[str, str]:
        """Return the common parameters of a call (https://www.tencentcloud.com/document/product/382/40466)."""
        at = int(time.time())
        return {
            "Host": self._host,
            "Authorization": authorization(*self._keys, self._host, content, at),
            "X-TC-Action": "SendSms",
            "X-TC-Version": "2021-01-11",
            "X-TC-Region": self._region,
            "X-TC-Timestamp": str(at),
        }

    def results(self, messages: Sequence[TencentSms], answer: ApiAnswer) -> Results:
        """Return the result of each number, or that of the error of the call.

        Errors have the status 200 as well (https://www.tencentcloud.com/document/product/382/40469).
        """
        response = answer.fields().get("Response") if answer.status == 200 else None
        if not isinstance(response, dict):
            return OneForAll(result_of_status(answer))
        error = response.get("Error")
        if isinstance(error, dict) and isinstance(code := error.get("Code"), str):
            refusal = TABLE.one_for_all(deciding_code(code), WAITS.get(code))
            if code not in WAITS:
                return refusal
            # It is a limit of one number or of one side of the border. Among several, the number must be found first.
            return [refusal.result] if len(messages) == 1 else OneForAll(Failed(Reason.REJECTED, f"tencent {code}"))
        statuses = _statuses(response, len(messages))
        results = [_result(sms, status, answer) for sms, status in zip(messages, statuses, strict=True)]
        first = results[0]
        if isinstance(first, Retry) and first.delay_seconds is None and len(set(results)) == 1:
            return OneForAll(first)  # it is of the account, so that the next call would have the same answer
        return results


class TencentProvider(HttpApiProvider[TencentSms]):
    """Provider of one application of Tencent Cloud SMS."""

    def __init__(self, entry: TencentEntry, network: Network | None = None) -> None:
        super().__init__(entry, TencentApi(entry), network)


def _statuses(response: dict[str, Any], messages: int) -> list[dict[str, Any]]:
    """Return the status of each message by its place, or an empty one. More statuses than messages are none."""
    statuses = response.get("SendStatusSet")
    known = statuses if isinstance(statuses, list) and len(statuses) <= messages else []
    return [status if isinstance(status, dict) else {} for status in known + [{}] * (messages - len(known))]


def _result(sms: TencentSms, status: dict[str, Any], answer: ApiAnswer) -> SendResult:
    """Return the result of one number. A status of another number, or of an unknown family, says nothing about it."""
    code = str(status.get("Code"))
    if status.get("PhoneNumber") != sms.message.to:
        return result_of_status(answer)
    if code == "Ok":
        return Sent(message_id_of(status.get("SerialNo"), sms.message), "tencent Ok")
    if family_of(code) not in TABLE.codes:
        return result_of_status(answer)
    return TABLE.result(deciding_code(code), WAITS.get(code))
