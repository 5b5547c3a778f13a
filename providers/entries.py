"""A provider's entry in the settings, one model a kind."""

import re
import ssl
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from providers.sender import split_sender
from schemas.statuses import Channel

Rate = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.6.2
_OURS = {"content-length", "content-type", "transfer-encoding", "host", "connection", "idempotency-key"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_UNSUBSCRIBE = re.compile(r"(https://|mailto:)[!-;=?-~]{1,900}")


def _loadable(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except OSError:
        raise ValueError("the file cannot be read as PEM") from None
    return path


CaFile = Annotated[Path, AfterValidator(_loadable)]


class Entry(BaseModel):
    """What the entries of all kinds have."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name = Field(description="unique among the providers; shown in logs, events and metrics")
    channel: Channel
    priority: int = Field(default=100, description="among the providers of one channel the lower is asked first")
    rate_per_second: float | None = Field(default=None, gt=0, description="sends a second at most; unset: no limit")
    sender: str | None = Field(default=None, min_length=1, max_length=320, description="who the message comes from")
    timeout_seconds: float = Field(default=10.0, gt=0, le=300, description="how long one send may take, all in all")


class SimulatorEntry(Entry):
    """A provider in this process that sends nothing: for demos, tests and load."""

    kind: Literal["simulator"]
    deduplicates: bool = Field(default=False, description="play a provider that takes each delivery id once")
    latency_ms: float = Field(default=0.0, ge=0, description="how long an answer takes")
    jitter_ms: float = Field(default=0.0, ge=0, description="up to how much longer it takes, at random")
    failure_rate: Rate = Field(default=0.0, description="share that is refused for good")
    retry_rate: Rate = Field(default=0.0, description="share of attempts that is refused for the moment")
    throttle_rate: Rate = Field(default=0.0, description="share of attempts that is asked to wait")
    hang_rate: Rate = Field(default=0.0, description="share of attempts that is not taken and never answered")
    drop_rate: Rate = Field(default=0.0, description="share of attempts that is taken and not answered")
    retry_after_seconds: float | None = Field(
        default=None, ge=0, description="how long a throttled one is asked to wait"
    )
    seed: int = Field(default=0, description="the same seed, delivery id and attempt get the same answer")
    fail_suffixes: tuple[str, ...] = Field(default=(), description="addresses with these endings are refused for good")
    retry_once_suffixes: tuple[str, ...] = Field(default=(), description="... are refused at the first attempt")
    throttle_once_suffixes: tuple[str, ...] = Field(
        default=(), description="... are asked to wait at the first attempt"
    )
    hang_suffixes: tuple[str, ...] = Field(default=(), description="... are not taken and never answered")
    drop_suffixes: tuple[str, ...] = Field(default=(), description="... are taken and not answered")
    remember: int = Field(default=100_000, ge=1, le=10_000_000, description="how many delivery ids it keeps in mind")

    @field_validator("fail_suffixes", "retry_once_suffixes", "throttle_once_suffixes", "hang_suffixes", "drop_suffixes")
    @classmethod
    def _no_empty_suffix(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "" in value:
            raise ValueError("an empty suffix would match every address")
        return value

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.failure_rate + self.retry_rate + self.throttle_rate + self.hang_rate + self.drop_rate > 1 + 1e-9:
            raise ValueError("the rates sum to more than 1")
        return self


class HttpEntry(Entry):
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


class SmtpEntry(Entry):
    """A mail server that takes submissions."""

    kind: Literal["smtp"]
    channel: Literal[Channel.EMAIL] = Channel.EMAIL
    sender: str = Field(min_length=3, max_length=320, description="From and envelope sender: address or Name <address>")
    host: str = Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$", description="the mail server")
    port: int | None = Field(default=None, ge=1, le=65535, description="unset: 25, 587 (starttls) or 465 (tls)")
    tls: Literal["none", "starttls", "tls"] = Field(
        default="starttls", description="starttls must be offered, else no mail"
    )
    username: str | None = Field(default=None, min_length=1)
    password: SecretStr | None = None
    ca_file: CaFile | None = Field(default=None, description="PEM file of the authorities to trust, not the system's")
    connections: int = Field(default=8, ge=1, le=1_000, description="connections kept open, one mail at a time each")
    helo_name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9.:\[\]-]{1,253}$",
        description="this machine's name in EHLO; unset: its host name, or the sender's domain where that has no dot",
    )
    list_unsubscribe: str | None = Field(default=None, description="an https: or mailto: URI for List-Unsubscribe")

    @field_validator("sender")
    @classmethod
    def _sender(cls, value: str) -> str:
        split_sender(value)
        return value

    @field_validator("list_unsubscribe")
    @classmethod
    def _list_unsubscribe(cls, value: str | None) -> str | None:
        if value is not None and not _UNSUBSCRIBE.fullmatch(value):
            raise ValueError("it is not a plain https: or mailto: URI")
        return value

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.username is not None and self.tls == "none" and self.host not in _LOOPBACK:
            raise ValueError("a password must not travel in the clear: set tls to starttls or tls")
        return self


def _is_header_value(secret: SecretStr) -> bool:
    value = secret.get_secret_value()
    return value.isascii() and value.isprintable() and value == value.strip()
