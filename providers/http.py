"""Kind `http`: a provider that posts each delivery as JSON to the operator's own gateway."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import aiohttp
import orjson
from pydantic import Field, SecretStr, field_validator, model_validator

from core.json_bytes import json_bytes
from core.send_result import Failed, HiddenMessageId, Message, SendResult, Sent
from providers.connection_slots import ConnectionSlots, NoFreeConnectionError
from providers.draft import Draft, UnsendableError
from providers.entries import LOOPBACK, CaFile, ProviderEntry
from providers.http_client import (
    HttpUrl,
    PostAttempt,
    is_header_value,
    open_session,
    read_body,
    try_connection,
)
from providers.message_ids import message_id_of
from providers.provider import CLOSED, NO_FREE_CONNECTION, OneByOne
from providers.result_codes import ResultKind, result_for
from providers.retry_after import parse_retry_after
from providers.tls import client_context
from schemas.statuses import Channel, Reason

STATUSES = {
    301: ResultKind.UNAVAILABLE,  # moved: not accepted here, and the url must be corrected
    307: ResultKind.UNAVAILABLE,
    308: ResultKind.UNAVAILABLE,
    401: ResultKind.UNAVAILABLE,  # our credentials are wrong or have expired, and not the message
    402: ResultKind.UNAVAILABLE,  # our account has no credit
    403: ResultKind.UNAVAILABLE,  # our credentials do not allow it
    407: ResultKind.UNAVAILABLE,  # a proxy of the gateway wants credentials
    408: ResultKind.UNAVAILABLE,  # the gateway waited too long for the request
    421: ResultKind.UNAVAILABLE,  # the wrong server got it
    425: ResultKind.UNAVAILABLE,  # too early over this connection
    # The url takes no POST or no JSON, or the headers are wrong, and not the message.
    **dict.fromkeys((405, 406, 411, 415, 417, 426, 431), ResultKind.UNAVAILABLE),
    429: ResultKind.RATE_LIMITED,
    503: ResultKind.UNAVAILABLE,  # with Retry-After: rate-limited
}
"""Result of individual HTTP statuses."""

STATUS_CLASSES = {2: ResultKind.SENT, 4: ResultKind.REJECTED, 5: ResultKind.UNAVAILABLE}
"""Result of all other statuses, by first digit. A status in neither table is no answer: 302 may follow a success."""


_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.6.2
_OWN_HEADERS = {"content-length", "content-type", "transfer-encoding", "host", "connection", "idempotency-key"}


class HttpEntry(ProviderEntry):
    """Settings of the operator's own gateway, which gets one POST of JSON per delivery."""

    kind: Literal["http"]
    url: HttpUrl = Field(description="URL that deliveries are posted to, with http or https")
    deduplicates: bool = Field(
        default=False, description="true if the gateway honours Idempotency-Key, which is the delivery id"
    )
    allow_plain_http: bool = Field(
        default=False, description="true to send the headers and the token over http to another machine, unencrypted"
    )
    concurrency: int = Field(default=50, ge=1, le=10_000, description="maximum number of concurrent requests")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="headers of each request")
    bearer_token: SecretStr | None = Field(default=None, description="token that is sent as Authorization: Bearer")
    ca_file: CaFile | None = Field(
        default=None, description="PEM file of the authorities to trust, instead of the system's"
    )

    @field_validator("headers")
    @classmethod
    def _headers(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in value.items():
            if not _TOKEN.fullmatch(name) or not is_header_value(secret):
                raise ValueError("each name and value must be valid in HTTP")
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"must not include {name}, which the provider sets itself")
        return value

    @field_validator("bearer_token")
    @classmethod
    def _token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_header_value(value):
            raise ValueError("must be valid in a header")
        return value

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        if self.bearer_token and "authorization" in {name.lower() for name in self.headers}:
            raise ValueError("bearer_token and the header Authorization must not both be given")
        return self

    @model_validator(mode="after")
    def _encrypted_secrets(self) -> Self:
        if self.allow_plain_http or not (self.bearer_token or self.headers):
            return self
        parts = urlsplit(self.url)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError(
                "bearer_token and headers must not be sent unencrypted. Use https, or set allow_plain_http to true."
            )
        return self


class HttpProvider(OneByOne):
    """Provider that posts to a gateway. STATUSES and STATUS_CLASSES define the result of each status."""

    def __init__(self, entry: HttpEntry, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name = entry.name
        self.channel = entry.channel
        self.deduplicates = entry.deduplicates
        self.rate_per_second = entry.rate_per_second
        self.timeout_seconds = entry.timeout_seconds
        self._url = entry.url
        self._headers = _headers(entry)
        self._tls = client_context(entry.ca_file) if entry.url.startswith("https:") else None
        self._slots = ConnectionSlots(entry.concurrency, entry.timeout_seconds)
        self._now = now
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def send_one(self, draft: Draft) -> SendResult:
        """Post the message once."""
        if self._closed:
            return CLOSED
        attempt = PostAttempt()
        try:
            async with self._slots.acquired(draft.lane):
                message, content = await draft.prepare(_encode)
                await self._post(message, content, attempt)
        except NoFreeConnectionError:
            return CLOSED if self._closed else NO_FREE_CONNECTION
        except Exception as error:  # noqa: BLE001  # after any exception of the client there is no answer
            return attempt.lost(error)
        return attempt.answer or attempt.lost(None)

    async def check(self) -> str | None:
        """Connect, with TLS if the URL says so. Nothing is posted."""
        if self._closed:
            return "provider closed"
        return await try_connection(self._url, self._tls, self.timeout_seconds)

    def stop(self, within_seconds: float) -> None:
        """Begin no more posts. Running ones may take `within_seconds` more."""
        self._closed = True
        self._slots.stop(within_seconds)

    async def aclose(self) -> None:
        """Close the connections. A running send ends as cut."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _post(self, message: Message, content: bytes, attempt: PostAttempt) -> None:
        if self._closed:  # while it waited for a free connection, or was prepared
            attempt.answer = CLOSED
            return
        headers = {"Idempotency-Key": message.id}
        if self._session is None:
            self._session = open_session(self._headers, self._tls)
        body = attempt.begin(content)
        async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
            attempt.answer = _result_of(response, self._now())
            answer = await read_body(response)
            if isinstance(attempt.answer, Sent):
                attempt.answer = Sent(_message_id(answer, message), attempt.answer.response)


def _headers(entry: HttpEntry) -> dict[str, str]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "rollcall"}
    headers |= {name: value.get_secret_value() for name, value in entry.headers.items()}
    if entry.bearer_token is not None:
        headers["Authorization"] = f"Bearer {entry.bearer_token.get_secret_value()}"
    return headers


def _encode(message: Message) -> tuple[Message, bytes]:
    """Return the message and its JSON. Raises UnsendableError."""
    fields: dict[str, Any] = {
        "id": message.id,
        "channel": message.channel,
        "to": message.to,
        "text": message.text,
        "subject": message.subject,
        "reference": message.reference,
        "tenant_id": message.tenant_id,
    }
    if message.reply_to is not None:
        fields["reply_to"] = message.reply_to
    if message.cc:
        fields["cc"] = message.cc
    if message.content_type is not None and message.channel is Channel.EMAIL:
        fields["content_type"] = message.content_type
    try:
        return message, json_bytes(fields)
    except TypeError:  # a lone surrogate
        raise UnsendableError(Failed(Reason.INVALID_CONTENT, "not UTF-8")) from None


def _result_of(response: aiohttp.ClientResponse, now: datetime) -> SendResult:
    """Return the result for status and Retry-After."""
    status, retry_after = response.status, response.headers.get("Retry-After")
    kind = STATUSES.get(status) or STATUS_CLASSES.get(status // 100, ResultKind.NO_ANSWER)
    if status == 503 and retry_after is not None:
        kind = ResultKind.RATE_LIMITED
    delay_seconds = parse_retry_after(retry_after, now) if retry_after is not None else None
    return result_for(kind, f"HTTP {status}", delay_seconds)


def _message_id(content: bytes, message: Message) -> str | HiddenMessageId | None:
    """Return the id from the response, if it has one."""
    try:
        document: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    value = document.get("id", document.get("message_id")) if isinstance(document, dict) else None
    return message_id_of(value, message)
