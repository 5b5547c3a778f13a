"""The kind `http`: one delivery is one POST of JSON to somebody's own gateway."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import aiohttp
import orjson
from pydantic import Field, SecretStr, field_validator, model_validator

from core.send_result import Failed, Message, SendResult, Sent
from providers.connection_slots import ConnectionSlots, NoFreeConnectionError
from providers.entries import CaFile, ProviderEntry
from providers.http_client import PostAttempt, open_session, read_body, try_connection
from providers.provider import CLOSED, NO_FREE_CONNECTION
from providers.result_codes import ResultKind, result_for
from providers.retry_after import parse_retry_after
from providers.tls import client_context
from schemas.statuses import Reason

STATUSES = {
    301: ResultKind.UNAVAILABLE,  # moved: not taken here, and somebody must mend the url
    307: ResultKind.UNAVAILABLE,
    308: ResultKind.UNAVAILABLE,
    429: ResultKind.RATE_LIMITED,
    503: ResultKind.UNAVAILABLE,  # with Retry-After: rate-limited
}
"""HTTP statuses of their own."""

STATUS_CLASSES = {2: ResultKind.SENT, 4: ResultKind.REJECTED, 5: ResultKind.UNAVAILABLE}
"""The first digits of all others. What stands in neither table is no answer: 302 may follow a POST that was taken."""


_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.6.2
_OURS = {"content-length", "content-type", "transfer-encoding", "host", "connection", "idempotency-key"}


class HttpEntry(ProviderEntry):
    """Somebody's own gateway: a POST of one delivery as JSON."""

    kind: Literal["http"]
    url: str = Field(description="where deliveries are posted; http or https")
    deduplicates: bool = Field(default=False, description="the other side honours Idempotency-Key, the delivery id")
    concurrency: int = Field(default=50, ge=1, le=10_000, description="requests under way at once")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="sent with each request")
    bearer_token: SecretStr | None = Field(default=None, description="sent as Authorization: Bearer")
    ca_file: CaFile | None = Field(default=None, description="PEM file of the authorities to trust, not the system's")

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            named = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            named = False
        if not named or any(character.isspace() or not character.isprintable() for character in value):
            raise ValueError("it is not a URL of http or https")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise ValueError("it must carry no user, password or fragment; use headers or bearer_token")
        return value

    @field_validator("headers")
    @classmethod
    def _headers(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in value.items():
            if not _TOKEN.fullmatch(name) or not _is_header_value(secret):
                raise ValueError("a name or value is not one of HTTP")
            if name.lower() in _OURS:
                raise ValueError(f"{name} is set by the provider itself")
        return value

    @field_validator("bearer_token")
    @classmethod
    def _token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _is_header_value(value):
            raise ValueError("it cannot stand in a header")
        return value

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        if self.bearer_token and "authorization" in {name.lower() for name in self.headers}:
            raise ValueError("bearer_token and the header Authorization exclude each other")
        return self


class HttpProvider:
    """See the module. The table above says what each status means."""

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

    async def send(self, message: Message) -> SendResult:
        """Post it once."""
        if self._closed:
            return CLOSED
        try:
            attempt = PostAttempt(_encode(message))
        except TypeError:  # a lone surrogate
            return Failed(Reason.INVALID_CONTENT, "not UTF-8")
        try:
            async with self._slots.acquired():
                await self._post(message, attempt)
        except NoFreeConnectionError:
            return CLOSED if self._closed else NO_FREE_CONNECTION
        except Exception as error:  # noqa: BLE001  # whatever the client raises is an answer that did not come
            return attempt.lost(error)
        return attempt.answer or attempt.lost(None)

    async def check(self) -> str | None:
        """Connect, with TLS where the url says so; nothing is posted."""
        if self._closed:
            return "provider closed"
        return await try_connection(self._url, self._tls, self.timeout_seconds)

    def stop(self, within_seconds: float) -> None:
        """Post no more; what is posted gets so many seconds more."""
        self._closed = True
        self._slots.stop(within_seconds)

    async def aclose(self) -> None:
        """Close the connections; a send under way ends as cut."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _post(self, message: Message, attempt: PostAttempt) -> None:
        if self._closed:  # while it waited for a free connection
            attempt.answer = CLOSED
            return
        headers = {"Idempotency-Key": message.id}
        if self._session is None:
            self._session = open_session(self._headers, self._tls)
        async with self._session.post(self._url, data=attempt.body, headers=headers, allow_redirects=False) as response:
            attempt.answer = _judge(response, self._now())
            content = await read_body(response)
            if isinstance(attempt.answer, Sent):
                attempt.answer = Sent(_message_id(content, message), attempt.answer.response)


def _headers(entry: HttpEntry) -> dict[str, str]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "rollcall"}
    headers |= {name: value.get_secret_value() for name, value in entry.headers.items()}
    if entry.bearer_token is not None:
        headers["Authorization"] = f"Bearer {entry.bearer_token.get_secret_value()}"
    return headers


def _encode(message: Message) -> bytes:
    return orjson.dumps(
        {
            "id": message.id,
            "channel": message.channel,
            "to": message.to,
            "text": message.text,
            "subject": message.subject,
            "reference": message.reference,
            "tenant_id": message.tenant_id,
        },
    )


def _judge(response: aiohttp.ClientResponse, now: datetime) -> SendResult:
    """The answer that status and Retry-After make."""
    status, asked = response.status, response.headers.get("Retry-After")
    means = STATUSES.get(status) or STATUS_CLASSES.get(status // 100, ResultKind.NO_ANSWER)
    if status == 503 and asked is not None:
        means = ResultKind.RATE_LIMITED
    delay_seconds = parse_retry_after(asked, now) if asked is not None else None
    return result_for(means, f"HTTP {status}", delay_seconds)


def _message_id(content: bytes, message: Message) -> str | None:
    """The id that the other side gave, unless it is none or shows the address or the text."""
    try:
        said: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    found = said.get("id", said.get("message_id")) if isinstance(said, dict) else None
    if not isinstance(found, str | int) or isinstance(found, bool):
        return None
    found = str(found)
    telling = message.to.removeprefix("+") in found or (message.text and message.text in found)
    return found if 0 < len(found) <= 200 and found.isascii() and found.isprintable() and not telling else None


def _is_header_value(secret: SecretStr) -> bool:
    value = secret.get_secret_value()
    return value.isascii() and value.isprintable() and value == value.strip()
