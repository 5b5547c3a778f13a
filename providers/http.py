"""Kind `http`: a provider that posts each delivery as JSON to the operator's own gateway."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from core.json_bytes import json_bytes
from core.send_result import Failed, Message, SendResult, Sent
from providers.draft import UnsendableError
from providers.http_api import ApiAnswer, HttpApi, HttpRequest
from providers.http_api_provider import HttpApiProvider
from providers.http_client import HttpUrl, is_header_value
from providers.http_entry import HttpApiEntry, require_encryption
from providers.message_ids import message_id_of
from providers.network import Network
from providers.result_codes import ResultKind, result_for
from providers.retry_after import parse_retry_after
from schemas.statuses import Channel, Reason

STATUSES = {
    301: ResultKind.UNAVAILABLE,  # moved: not accepted here, and the url must be corrected
    307: ResultKind.UNAVAILABLE,
    308: ResultKind.UNAVAILABLE,
    401: ResultKind.CREDENTIALS,  # our credentials are wrong or have expired, and not the message
    402: ResultKind.CREDENTIALS,  # our account has no credit
    403: ResultKind.CREDENTIALS,  # our credentials do not allow it
    407: ResultKind.CREDENTIALS,  # a proxy of the gateway wants credentials
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


class HttpEntry(HttpApiEntry):
    """Settings of the operator's own gateway, which gets one POST of JSON per delivery."""

    kind: Literal["http"]
    url: HttpUrl = Field(description="URL that deliveries are posted to, with http or https")
    deduplicates: bool = Field(
        default=False, description="true if the gateway honours Idempotency-Key, which is the delivery id"
    )
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="headers of each request")
    bearer_token: SecretStr | None = Field(default=None, description="token that is sent as Authorization: Bearer")

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
        if self.bearer_token or self.headers:
            require_encryption(self.url, self, "bearer_token and headers")
        return self


class GatewayApi(HttpApi[tuple[Message, bytes]]):
    """API of the gateway. STATUSES and STATUS_CLASSES define the result of each status."""

    def __init__(self, entry: HttpEntry, now: Callable[[], datetime]) -> None:
        self.check_url = self._url = entry.url
        self.deduplicates = entry.deduplicates
        self._now = now

    def encode(self, message: Message) -> tuple[Message, bytes]:
        """Return the message and its JSON. Raises UnsendableError."""
        return message, _json_of(message)

    def request(self, messages: Sequence[tuple[Message, bytes]]) -> HttpRequest:
        """Return the POST of one message."""
        ((message, content),) = messages
        return HttpRequest(self._url, content, {"Idempotency-Key": message.id})

    def results(self, messages: Sequence[tuple[Message, bytes]], answer: ApiAnswer) -> list[SendResult]:
        """Return the result for status and Retry-After. A body that cannot be read changes nothing."""
        ((message, _),) = messages
        retry_after = answer.headers.get("Retry-After")
        kind = STATUSES.get(answer.status) or STATUS_CLASSES.get(answer.status // 100, ResultKind.NO_ANSWER)
        if answer.status == 503 and retry_after is not None:
            kind = ResultKind.RATE_LIMITED
        delay_seconds = parse_retry_after(retry_after, self._now()) if retry_after is not None else None
        result = result_for(kind, f"HTTP {answer.status}", delay_seconds)
        if isinstance(result, Sent):
            fields = answer.fields()
            result = Sent(message_id_of(fields.get("id", fields.get("message_id")), message), result.response)
        return [result]


class HttpProvider(HttpApiProvider[tuple[Message, bytes]]):
    """Provider that posts to a gateway."""

    def __init__(
        self,
        entry: HttpEntry,
        network: Network | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(entry, GatewayApi(entry, now), network, _headers(entry))


def _headers(entry: HttpEntry) -> dict[str, str]:
    headers = {name: value.get_secret_value() for name, value in entry.headers.items()}
    if entry.bearer_token is not None:
        headers["Authorization"] = f"Bearer {entry.bearer_token.get_secret_value()}"
    return headers


def _json_of(message: Message) -> bytes:
    """Return the JSON of a message. Raises UnsendableError."""
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
    if message.unsubscribe_url is not None:
        fields["unsubscribe_url"] = message.unsubscribe_url
    if message.content_type is not None and message.channel is Channel.EMAIL:
        fields["content_type"] = message.content_type
    try:
        return json_bytes(fields)
    except TypeError:  # a lone surrogate
        raise UnsendableError(Failed(Reason.INVALID_CONTENT, "not UTF-8")) from None
