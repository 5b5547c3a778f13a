"""Kind `vonage`: SMS through the SMS API of Vonage, one message a call.

Fields are those of https://developer.vonage.com/en/api/sms.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlencode

from aiohttp import encode_basic_auth
from pydantic import Field, SecretStr, field_validator

from core.send_result import Message, SendResult, Sent, Uncertain
from core.sms_segments import count_segments
from providers.http_api import ApiAnswer, HttpApi, HttpRequest, result_of_status
from providers.http_api_provider import HttpApiProvider
from providers.http_client import HttpUrl
from providers.http_entry import HeaderSecret, VendorEntry
from providers.message_ids import message_id_of
from providers.network import Network
from providers.outcome_table import OutcomeTable
from providers.result_codes import ResultKind
from schemas.statuses import Channel, Reason, SmsEncoding

TABLE = OutcomeTable(
    vendor="vonage",
    page="https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms",
    codes={
        "0": ResultKind.SENT,
        "1": ResultKind.RATE_LIMITED,
        "2": ResultKind.INVALID_CONTENT,  # a parameter is missing: only the text can be empty
        "3": ResultKind.REJECTED,
        "4": ResultKind.CREDENTIALS,
        "5": ResultKind.NO_ANSWER,  # an error inside Vonage, which does not say that the message was not taken
        "6": ResultKind.REJECTED,
        "7": ResultKind.BLOCKED,
        "8": ResultKind.CREDENTIALS,
        "9": ResultKind.CREDENTIALS,
        "10": ResultKind.RATE_LIMITED,
        "11": ResultKind.CREDENTIALS,
        "12": ResultKind.TOO_LONG,
        "14": ResultKind.CREDENTIALS,
        "15": ResultKind.REJECTED,  # the sender is refused for the country of this recipient, and not for all
        "22": ResultKind.REJECTED,
        "23": ResultKind.REJECTED,
        "29": ResultKind.CREDENTIALS,  # a trial account, until it has credit
        "32": ResultKind.CREDENTIALS,
        "33": ResultKind.INVALID_RECIPIENT,
    },
)
"""Statuses of a part of a message, in the body of a 200."""

_SENDER = re.compile(r"[1-9][0-9]{0,14}|(?=.*[A-Za-z])[!-~]{1,11}")
"""Number or name that Vonage sends from: https://developer.vonage.com/en/messaging/sms/guides/custom-sender-id."""


class VonageEntry(VendorEntry):
    """Settings of an account of Vonage."""

    kind: Literal["vonage"]
    channel: Literal[Channel.SMS] = Channel.SMS
    sender: str = Field(
        description="number of up to 15 digits without +, or name of up to 11 characters without spaces"
    )
    base_url: HttpUrl = Field(default="https://rest.nexmo.com", description="URL of the API without its path")
    api_key: HeaderSecret = Field(description="key of the account")
    api_secret: HeaderSecret = Field(description="secret of the account")

    @field_validator("sender")
    @classmethod
    def _sender(cls, value: str) -> str:
        if not _SENDER.fullmatch(value):
            raise ValueError(
                "must be up to 15 digits without + and 00, or a name of up to 11 characters without spaces"
            )
        return value

    @field_validator("api_key")
    @classmethod
    def _api_key(cls, value: SecretStr) -> SecretStr:
        if ":" in value.get_secret_value():  # it would begin the password (RFC 7617, section 2)
            raise ValueError("must not have a colon")
        return value


class VonageApi(HttpApi[tuple[Message, bytes]]):
    """SMS API: a call has one message, and its answer has the parts that Vonage made of it."""

    def __init__(self, entry: VonageEntry) -> None:
        self.check_url = entry.base_url
        self._url = f"{entry.base_url.rstrip('/')}/sms/json"
        self._sender = entry.sender

    def encode(self, message: Message) -> tuple[Message, bytes]:
        """Return the message and its form. A text beyond GSM-7 needs the type unicode."""
        gsm = count_segments(message.text).encoding is SmsEncoding.GSM_7
        form = {
            "from": self._sender,
            "to": message.to.removeprefix("+"),
            "text": message.text,
            "type": "text" if gsm else "unicode",
            "client-ref": message.id,
        }
        return message, urlencode(form).encode()

    def request(self, messages: Sequence[tuple[Message, bytes]]) -> HttpRequest:
        """Return the POST of one message."""
        ((_, form),) = messages
        return HttpRequest(self._url, form, content_type="application/x-www-form-urlencoded")

    def results(self, messages: Sequence[tuple[Message, bytes]], answer: ApiAnswer) -> list[SendResult]:
        """Return the result of the parts. If only some were taken, the message may neither be repeated nor fail."""
        ((message, _),) = messages
        parts = _parts(answer)
        if not parts:
            return [result_of_status(answer)]
        results = [TABLE.result(part["status"]) for part in parts]
        refusals = [result for result in results if not isinstance(result, Sent)]
        if not refusals:
            return [Sent(message_id_of(parts[0].get("message-id"), message), "vonage 0")]
        if len(refusals) < len(parts):
            return [Uncertain(Reason.NO_ANSWER, f"{refusals[0].error}, but other parts were taken")]
        return [next((result for result in refusals if isinstance(result, Uncertain)), refusals[0])]


class VonageProvider(HttpApiProvider[tuple[Message, bytes]]):
    """Provider of one Vonage account."""

    def __init__(self, entry: VonageEntry, network: Network | None = None) -> None:
        login = encode_basic_auth(entry.api_key.get_secret_value(), entry.api_secret.get_secret_value())
        super().__init__(entry, VonageApi(entry), network, {"Authorization": login})


def _parts(answer: ApiAnswer) -> list[dict[str, Any]]:
    """Return the parts in a 200, or none if the body has another shape."""
    parts = answer.fields().get("messages") if answer.status == 200 else None
    if not isinstance(parts, list):
        return []
    readable = all(isinstance(part, dict) and isinstance(part.get("status"), str) for part in parts)
    return parts if readable else []
