"""Settings from the environment that the services and the command line share."""

import base64
import binascii
import ssl
from collections.abc import Callable, Collection, Iterator
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, create_model, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.regions import Region
from schemas.requests import MAX_CONTENT, MAX_EMAIL_BYTES, MAX_SMS_SEGMENTS
from schemas.topic_definitions import DEFAULT_PREFIX, Topics
from schemas.validation_errors import read_problems

PREFIX = "ROLLCALL_"
CheckMethod = Callable[[Any], Iterator[str]]
"""Method that yields one line per contradiction."""


def settings_check(*names: str) -> Callable[[CheckMethod], CheckMethod]:
    """Mark a method that finds contradictions between these settings. It is not called if one of them is invalid."""

    def mark(method: CheckMethod) -> CheckMethod:
        method.looks_at = frozenset(names)  # type: ignore[attr-defined]
        return method

    return mark


class Settings(BaseSettings):
    """Base of all classes that read the environment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # an entry of .env may be left empty
        frozen=True,
        hide_input_in_errors=True,
        extra="ignore",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if lines := self.contradictions():
            raise ValueError("\n".join(lines))
        return self

    def contradictions(self, wrong: Collection[str] = ()) -> list[str]:
        """Return one line per contradiction between valid settings. Each line names its variable."""
        methods = {name: value for kind in reversed(type(self).__mro__) for name, value in vars(kind).items()}
        checks = [method for method in methods.values() if getattr(method, "looks_at", None)]
        return [line for method in checks if not method.looks_at & set(wrong) for line in method(self)]


S = TypeVar("S", bound=BaseSettings)


class SettingsError(Exception):
    """Error in the environment. Each line names a variable and shows no value."""


def load(settings: type[S]) -> S:
    """Read settings from the environment. Raises SettingsError with one line per invalid variable, all at once."""
    try:
        return settings()
    except ValidationError as error:
        lines, invalid = [], set[str]()
        for problem in read_problems(error):
            message = "is not set" if problem.kind == "missing" else problem.message
            if problem.location:
                name = str(problem.location[0])
                invalid.add(name)
                lines += [f"{PREFIX}{name.upper()}: {line}" for line in message.splitlines()]
            else:
                lines += message.splitlines()
        if invalid and issubclass(settings, Settings):  # so far each variable was checked by itself
            lines += _without(settings, invalid).contradictions(invalid)
        raise SettingsError("\n".join(lines)) from None


def _without(settings: type[Settings], invalid: Collection[str]) -> Settings:
    """Return the settings with None for invalid variables, without a check for contradictions."""
    unset = {
        name: (Any, Field(default=None, validate_default=False, validation_alias=f"{name} is invalid"))
        for name in invalid
    }
    partly: type[Settings] = create_model(  # type: ignore[call-overload]
        "Partly",
        __base__=settings,
        __validators__={"_consistent": model_validator(mode="after")(lambda self: self)},
        **unset,
    )
    return partly()


class TextSettings(Settings):
    """Settings of the texts that may be sent."""

    max_sms_segments: Annotated[int, Field(ge=1, le=255)] = Field(
        default=MAX_SMS_SEGMENTS,
        description="maximum number of segments of an SMS, counted as GSM-7 or UCS-2. Set the same value everywhere.",
    )
    max_email_bytes: Annotated[int, Field(ge=1_024, le=MAX_CONTENT)] = Field(
        default=MAX_EMAIL_BYTES,
        description="maximum size of the text or HTML of an e-mail in bytes. Set the same value everywhere.",
    )


class CommonSettings(TextSettings):
    """Settings that every service and the command line read."""

    kafka_bootstrap: str = Field(description="bootstrap servers of Kafka as host:port, comma-separated")
    kafka_security_protocol: Annotated[str, Field(pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")] = Field(
        default="PLAINTEXT",
        description="security protocol of Kafka",
    )
    kafka_sasl_mechanism: Annotated[str, Field(pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$")] | None = Field(
        default=None,
        description="SASL mechanism. Required with SASL.",
    )
    kafka_sasl_username: str | None = Field(default=None, description="user name. Required with SASL.")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="password. Required with SASL.")
    kafka_ssl_ca_file: str | None = Field(
        default=None,
        description="PEM file of the authorities to trust. Unset: those of the system.",
    )
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,150}$")] = Field(
        default=DEFAULT_PREFIX,
        description="prefix of all topic names",
    )
    default_region: Region | None = Field(
        default=None,
        description="ISO country for numbers without +, unless the request has a region. Unset: they are invalid.",
    )
    reply_topics: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="glob patterns of the allowed reply topics, comma-separated",
    )

    @field_validator("reply_topics", mode="before")
    @classmethod
    def _globs(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("kafka_bootstrap")
    @classmethod
    def _servers(cls, value: str) -> str:
        for server in value.split(",") if value else ():
            try:
                parts = urlsplit(f"//{server.strip()}")
                valid = bool(parts.hostname) and parts.port != 0 and [parts.netloc] == server.split()
            except ValueError:
                valid = False
            if not valid:
                raise ValueError("must be a list of host:port, comma-separated")
        return value

    @field_validator("kafka_ssl_ca_file")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        try:
            if value:
                ssl.create_default_context(cafile=value)
        except ssl.SSLError:
            raise ValueError("the file must contain certificates in PEM") from None
        except OSError as error:
            raise ValueError(f"the file cannot be read: {error.strerror}") from None
        return value

    @settings_check("kafka_security_protocol", "kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
    def _sasl(self) -> Iterator[str]:
        if self.kafka_security_protocol.startswith("SASL"):
            for name in ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password"):
                if not getattr(self, name):
                    yield f"{PREFIX}{name.upper()}: is required with {self.kafka_security_protocol}"

    def kafka_options(self) -> dict[str, Any]:
        """Return the options for every aiokafka client: servers, TLS and SASL."""
        options: dict[str, Any] = {
            # A list, because FastStream takes a string with commas for the name of one server.
            "bootstrap_servers": [server.strip() for server in self.kafka_bootstrap.split(",")],
            "security_protocol": self.kafka_security_protocol,
        }
        if self.kafka_security_protocol.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context(cafile=self.kafka_ssl_ca_file)
        if self.kafka_sasl_mechanism and self.kafka_sasl_password:
            options["sasl_mechanism"] = self.kafka_sasl_mechanism
            options["sasl_plain_username"] = self.kafka_sasl_username
            options["sasl_plain_password"] = self.kafka_sasl_password.get_secret_value()
        return options

    @property
    def topics(self) -> Topics:
        """Return the topic names under the prefix."""
        return Topics(self.topic_prefix)


class LedgerSettings(Settings):
    """Settings of the ledger: its address and its sealing keys."""

    mongo_url: SecretStr = Field(description="connection string of MongoDB. It may contain a password.")
    mongo_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$")] = Field(
        default="rollcall",
        description="name of the database",
    )
    sealing_keys: SecretStr = Field(
        description="sealing keys as pairs id:base64 of 32 bytes, comma-separated, newest first"
    )

    @field_validator("mongo_url")
    @classmethod
    def _address(cls, value: SecretStr) -> SecretStr:
        """Check only the scheme. The driver checks the rest, and may need the DNS for it."""
        if not value.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("is not a valid MongoDB connection string")
        return value

    @field_validator("sealing_keys")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        parse_sealing_keys(value)
        return value


def parse_sealing_keys(value: SecretStr) -> tuple[tuple[str, bytes], ...]:
    """Return the (id, 32 bytes) pairs, newest first. Raises ValueError, which shows no part of the value."""
    pairs = []
    for item in value.get_secret_value().split(","):
        name, _, encoded = item.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not name.isascii() or not name.isalnum() or len(name) > 16 or len(key) != 32:
            raise ValueError("each key must be id:base64 of 32 bytes. The id has at most 16 letters and digits.")
        pairs.append((name, key))
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("two keys have the same id. Each id must be unique.")
    return tuple(pairs)
