"""Kind `twilio`: SMS through the Messages resource of Twilio.

Limits and fields are those of https://www.twilio.com/docs/messaging/api/message-resource.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, Self
from urllib.parse import urlencode, urlsplit

from aiohttp import encode_basic_auth
from pydantic import Field, field_validator, model_validator

from core.send_result import Failed, Message, SendResult, Sent
from providers.draft import UnsendableError
from providers.http_api import ApiAnswer, HttpApi, HttpRequest, result_of_status
from providers.http_api_provider import HttpApiProvider
from providers.http_client import HttpUrl
from providers.http_entry import HeaderSecret, VendorEntry
from providers.message_ids import message_id_of
from providers.network import Network
from providers.outcome_table import OutcomeTable
from providers.result_codes import ResultKind
from providers.retry_after import parse_retry_after
from schemas.statuses import Channel, Reason

MAX_CHARACTERS = 1_600
"""Maximum number of characters of a text. Twilio counts some of them as several, and answers 21617 then."""

TABLE = OutcomeTable(
    vendor="twilio",
    page="https://www.twilio.com/docs/api/errors",
    codes={
        **dict.fromkeys(("21211", "21265", "21266", "21268", "21604", "21614", "21635"), ResultKind.INVALID_RECIPIENT),
        "21610": ResultKind.BLOCKED,
        "21408": ResultKind.COUNTRY_REFUSED,
        "21617": ResultKind.TOO_LONG,
        **dict.fromkeys(("21602", "21618", "21619"), ResultKind.INVALID_CONTENT),
        # The sender fits other recipients, or the account may write to others. A pause would hold those up.
        **dict.fromkeys(("21606", "21608", "21612", "21657", "21659", "21703"), ResultKind.REJECTED),
        # The credentials, the account, or a setting of the entry is wrong for every recipient.
        **dict.fromkeys(
            ("10001", "20003", "20005", "20006", "20008", "20010", "20403", "20404", "70051"), ResultKind.CREDENTIALS
        ),
        **dict.fromkeys(
            ("21212", "21401", "21601", "21603", "21607", "21616", "21660", "21661"), ResultKind.CREDENTIALS
        ),
        **dict.fromkeys(("21609", "21701", "21704", "21705"), ResultKind.CREDENTIALS),
        **dict.fromkeys(("20429", "21611", "63017", "63038"), ResultKind.RATE_LIMITED),
        **dict.fromkeys(("21702", "21730"), ResultKind.UNAVAILABLE),
    },
)
"""Codes with which Twilio refuses to create a message. An error after that, such as 30003, is in a status callback."""

_STATUSES_FIRST = {401, 429}
"""Statuses that blame no message, so that a code that is not in the table does not count."""

_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{5,6}|(?=.*[A-Za-z])[A-Za-z0-9 +_&-]{1,11}")
"""Number (E.164), short code (https://www.twilio.com/docs/messaging/api/short-code-resource), or alphanumeric sender
(https://www.twilio.com/docs/messaging/api/alphasender-resource)."""


class TwilioEntry(VendorEntry):
    """Settings of an account of Twilio."""

    kind: Literal["twilio"]
    channel: Literal[Channel.SMS] = Channel.SMS
    base_url: HttpUrl = Field(
        default="https://api.twilio.com",
        description="URL of the API. For the region IE1: https://api.dublin.ie1.twilio.com.",
    )
    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$", description="SID of the account that sends")
    auth_token: HeaderSecret | None = Field(default=None, description="auth token of the account")
    api_key_sid: str | None = Field(
        default=None, pattern=r"^SK[0-9a-fA-F]{32}$", description="SID of an API key, instead of auth_token"
    )
    api_key_secret: HeaderSecret | None = Field(default=None, description="secret of the API key")
    sender: str | None = Field(default=None, description="number (E.164), short code, or alphanumeric sender")
    messaging_service_sid: str | None = Field(
        default=None, pattern=r"^MG[0-9a-fA-F]{32}$", description="SID of a messaging service, instead of sender"
    )
    status_callback: HttpUrl | None = Field(
        default=None,
        max_length=3_900,
        description="URL that gets the receipts. The delivery id is added as the parameter delivery_id.",
    )

    @field_validator("sender")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value is not None and not _SENDER.fullmatch(value):
            raise ValueError("must be a number with +, a short code of 5 or 6 digits, or 11 letters, digits, and +-_&")
        return value

    @field_validator("status_callback")
    @classmethod
    def _status_callback(cls, value: str | None) -> str | None:
        if value is not None and "_" in (urlsplit(value).hostname or ""):
            raise ValueError("must have a host without _")
        return value

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.sender is None) == (self.messaging_service_sid is None):
            raise ValueError("either sender or messaging_service_sid must be given")
        given = [value is not None for value in (self.auth_token, self.api_key_sid, self.api_key_secret)]
        if given not in ([True, False, False], [False, True, True]):
            raise ValueError("either auth_token, or api_key_sid and api_key_secret, must be given")
        return self


class TwilioApi(HttpApi[tuple[Message, bytes]]):
    """Messages resource: one call has one message."""

    def __init__(self, entry: TwilioEntry) -> None:
        self.check_url = entry.base_url
        self._url = f"{entry.base_url.rstrip('/')}/2010-04-01/Accounts/{entry.account_sid}/Messages.json"
        self._from = {"From": entry.sender} if entry.sender else {"MessagingServiceSid": entry.messaging_service_sid}
        self._status_callback = entry.status_callback

    def encode(self, message: Message) -> tuple[Message, bytes]:
        """Return the message and its form. Raises UnsendableError."""
        if len(message.text) > MAX_CHARACTERS:
            raise UnsendableError(Failed(Reason.TOO_LONG, f"more than {MAX_CHARACTERS} characters", offered=False))
        fields = {"To": message.to, **self._from, "Body": message.text}
        if self._status_callback is not None:
            link = "&" if urlsplit(self._status_callback).query else "?"
            fields["StatusCallback"] = f"{self._status_callback}{link}{urlencode({'delivery_id': message.id})}"
        return message, urlencode(fields).encode()

    def request(self, messages: Sequence[tuple[Message, bytes]]) -> HttpRequest:
        """Return the POST of one message."""
        ((_, content),) = messages
        return HttpRequest(self._url, content, content_type="application/x-www-form-urlencoded")

    def results(self, messages: Sequence[tuple[Message, bytes]], answer: ApiAnswer) -> list[SendResult]:
        """Return the result of a message that Twilio created, of a code, or of a status.

        A 5xx may come after Twilio took the message (https://www.twilio.com/docs/api/errors/20500), whatever its code.
        """
        ((message, _),) = messages
        fields = answer.fields()
        sid, code = fields.get("sid"), fields.get("code")
        if answer.status // 100 == 2 and isinstance(sid, str) and sid:
            return [Sent(message_id_of(sid, message), f"HTTP {answer.status}")]
        delay_seconds = parse_retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))
        known = str(code) in TABLE.codes
        if answer.status // 100 == 4 and isinstance(code, int) and (known or answer.status not in _STATUSES_FIRST):
            return [TABLE.result(code, delay_seconds)]
        return [result_of_status(answer, delay_seconds)]


class TwilioProvider(HttpApiProvider[tuple[Message, bytes]]):
    """Provider of one Twilio account."""

    def __init__(self, entry: TwilioEntry, network: Network | None = None) -> None:
        super().__init__(entry, TwilioApi(entry), network, {"Authorization": _authorization(entry)})


def _authorization(entry: TwilioEntry) -> str:
    """Return the header for HTTP Basic (https://www.twilio.com/docs/usage/requests-to-twilio)."""
    secret = entry.api_key_secret or entry.auth_token
    login = entry.api_key_sid or entry.account_sid
    return encode_basic_auth(login, secret.get_secret_value() if secret else "")
