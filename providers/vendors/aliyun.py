"""Kind `aliyun`: SMS through the Short Message Service of Alibaba Cloud (Dysmsapi 2017-05-25), by approved templates.

Limits and fields are those of https://help.aliyun.com/en/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms and
https://help.aliyun.com/en/sms/developer-reference/api-dysmsapi-2017-05-25-sendbatchsms.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from pydantic import Field

from core.json_bytes import json_bytes
from core.send_result import Failed, Message, Sent
from providers.draft import UnsendableError
from providers.http_api import ApiAnswer, HttpApi, HttpRequest, OneForAll, Results, result_of_status
from providers.http_api_provider import HttpApiProvider
from providers.http_client import HttpUrl
from providers.http_entry import HeaderSecret, VendorEntry
from providers.message_ids import message_id_of
from providers.network import Network
from providers.retry_after import MAX_SECONDS
from providers.vendors.aliyun_codes import (
    FREQUENCY,
    FREQUENCY_SECONDS,
    OF_EQUAL_PARAMETERS,
    TABLE,
    URL_TOO_LONG,
    is_refusal,
)
from providers.vendors.aliyun_signature import AccessKey, canonical_query, digest
from schemas.statuses import Channel, Reason

MAX_NUMBERS = 1_000
"""Maximum number of messages of a call of SendSms. They have the same parameters."""
MAX_DIFFERENT = 100
"""Maximum number of messages of a call of SendBatchSms. Each has parameters of its own."""

_MILLISECONDS = re.compile("[0-9]{1,12}")


class AliyunEntry(VendorEntry):
    """Settings of an account of Alibaba Cloud."""

    kind: Literal["aliyun"]
    channel: Literal[Channel.SMS] = Channel.SMS
    base_url: HttpUrl = Field(
        default="https://dysmsapi.aliyuncs.com",
        description="URL of the API. For Singapore: https://dysmsapi.ap-southeast-1.aliyuncs.com.",
    )
    access_key_id: HeaderSecret = Field(description="access key with the permissions of docs/providers/aliyun.md")
    access_key_secret: HeaderSecret = Field(description="secret of the access key. It signs, and is never sent.")
    sign_name: str = Field(
        default="", max_length=64, description="sign name of the templates whose mapping has no `sign_name`"
    )


@dataclass(frozen=True, slots=True, repr=False)
class AliyunSms:
    """Message as Aliyun takes it."""

    message: Message
    number: str
    """Number of the recipient: digits that begin with the code of the country."""
    sign_name: str
    template_code: str
    parameters: str
    """Values of the template as a JSON object, by their names."""


class AliyunApi(HttpApi[AliyunSms]):
    """SendSms for messages with the same parameters, and SendBatchSms for others. A call has one id."""

    batch_size = MAX_NUMBERS
    needs_vendor_template = True

    def __init__(self, entry: AliyunEntry) -> None:
        self.check_url = entry.base_url.rstrip("/")
        self._name = entry.name
        self._sign_name = entry.sign_name
        self._key = AccessKey(entry.access_key_id.get_secret_value(), entry.access_key_secret.get_secret_value())

    def encode(self, message: Message) -> AliyunSms:
        """Return the message with the values of its template. Raises UnsendableError and MissingVariable."""
        template = message.vendor_templates.get(self._name)
        sign_name = (template.sign_name if template else "") or self._sign_name
        if template is None or not sign_name:
            missing = "no mapping" if template is None else "no sign_name"
            raise UnsendableError(Failed(Reason.TEMPLATE_NOT_MAPPED, missing, offered=False))
        parameters = json_bytes(dict(message.parameters(template))).decode()
        return AliyunSms(message, message.to.removeprefix("+"), sign_name, template.template_code, parameters)

    def groups(self, messages: Sequence[AliyunSms]) -> list[list[int]]:
        """Divide the messages into calls of SendSms if all have the same parameters, and else of SendBatchSms."""
        size = MAX_NUMBERS if _have_equal_parameters(messages) else MAX_DIFFERENT
        places = range(len(messages))
        return [list(places[at : at + size]) for at in places[::size]]

    def request(self, messages: Sequence[AliyunSms]) -> HttpRequest:
        """Return the call, signed. All messages are of one request, so they have one template and one sign name."""
        first = messages[0]
        parameters = {"TemplateCode": first.template_code}
        if len(messages) == 1:
            parameters["OutId"] = first.message.id
        if not _have_equal_parameters(messages):
            form = {
                "PhoneNumberJson": json_bytes([sms.number for sms in messages]).decode(),
                "SignNameJson": json_bytes([sms.sign_name for sms in messages]).decode(),
                "TemplateParamJson": f"[{','.join(sms.parameters for sms in messages)}]",
            }
            return self._call("SendBatchSms", parameters, urlencode(form).encode())
        parameters["PhoneNumbers"] = ",".join(sms.number for sms in messages)
        parameters["SignName"] = first.sign_name
        if first.parameters != "{}":
            parameters["TemplateParam"] = first.parameters
        return self._call("SendSms", parameters, b"")

    def _call(self, action: str, parameters: Mapping[str, str], content: bytes) -> HttpRequest:
        """Return the POST of an action. Each parameter has the place that the vendor's own library gives it."""
        query = canonical_query(parameters)
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "host": urlsplit(self.check_url).netloc,
            "x-acs-action": action,
            "x-acs-content-sha256": digest(content),
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid4().hex,
            "x-acs-version": "2017-05-25",
        }
        authorization = self._key.authorization(query, headers, content)
        url = f"{self.check_url}/?{query}"
        return HttpRequest(url, content, {**headers, "authorization": authorization}, headers["content-type"])

    def results(self, messages: Sequence[AliyunSms], answer: ApiAnswer) -> Results:
        """Return the result of the code. Any but OK concerns the whole call."""
        fields = answer.fields()
        code = URL_TOO_LONG if answer.status == 414 else fields.get("Code")
        if answer.status == 200 and code == "OK":
            return [Sent(message_id_of(fields.get("BizId"), sms.message), "aliyun OK") for sms in messages]
        delay_seconds = _retry_after_seconds(answer)
        if not isinstance(code, str) or not is_refusal(answer.status, code):
            return OneForAll(result_of_status(answer, delay_seconds))
        if code not in TABLE.codes and code.startswith("Throttling."):
            code = "Throttling"
        if code == FREQUENCY:
            result = TABLE.result(code, FREQUENCY_SECONDS)
            # Among several, the number must be found first. Alone, it says nothing about the next call.
            return [result] if len(messages) == 1 else OneForAll(Failed(Reason.REJECTED, f"aliyun {code}"))
        refusal = TABLE.one_for_all(code, delay_seconds)
        blames_all = code in OF_EQUAL_PARAMETERS and _have_equal_parameters(messages)
        return refusal._replace(blames_no_message=refusal.blames_no_message or blames_all)


class AliyunProvider(HttpApiProvider[AliyunSms]):
    """Provider of one account of Alibaba Cloud."""

    def __init__(self, entry: AliyunEntry, network: Network | None = None) -> None:
        super().__init__(entry, AliyunApi(entry), network)


def _have_equal_parameters(messages: Sequence[AliyunSms]) -> bool:
    return all(sms.parameters == messages[0].parameters for sms in messages)


def _retry_after_seconds(answer: ApiAnswer) -> float | None:
    """Return the delay that the gateway asks for in milliseconds, or None.

    Source: https://github.com/aliyun/darabonba-openapi, where the vendor's libraries read x-acs-retry-after.
    """
    value = answer.headers.get("X-Acs-Retry-After", "")
    return min(int(value) / 1000, MAX_SECONDS) if _MILLISECONDS.fullmatch(value) else None
