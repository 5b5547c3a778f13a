"""What the environment says, shared by the services: where the real parts are and how they are named."""

import base64
import binascii
import ssl
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.topics import DEFAULT_PREFIX, Topics

PREFIX = "ROLLCALL_"
S = TypeVar("S", bound=BaseSettings)


class SettingsError(Exception):
    """The environment is wrong; each line names a variable. No value is shown."""


def load(settings: type[S]) -> S:
    """Read settings from the environment; raises SettingsError with a line for each wrong variable."""
    try:
        return settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False):
            name = PREFIX + str(problem["loc"][0]).upper() if problem["loc"] else "settings"
            said = "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
            lines.append(f"{name}: {said}")
        raise SettingsError("\n".join(lines)) from None


class CommonSettings(BaseSettings):
    """The part of the environment that every service and the command line read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # as an entry of .env that was left empty
        frozen=True,
        hide_input_in_errors=True,
        extra="ignore",
    )

    kafka_bootstrap: str = Field(description="Kafka's bootstrap servers, host:port, comma-separated")
    kafka_security_protocol: Annotated[str, Field(pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")] = Field(
        default="PLAINTEXT",
        description="how Kafka is spoken to",
    )
    kafka_sasl_mechanism: Annotated[str, Field(pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$")] | None = Field(
        default=None,
        description="how the user logs in; needed with SASL",
    )
    kafka_sasl_username: str | None = Field(default=None, description="the user; needed with SASL")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="the password; needed with SASL")
    kafka_ssl_ca_file: str | None = Field(
        default=None,
        description="PEM file of the authorities to trust; unset: the system's",
    )
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,150}$")] = Field(
        default=DEFAULT_PREFIX,
        description="what every topic's name begins with",
    )
    default_region: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = Field(
        default=None,
        description="ISO country for numbers without +; unset: such numbers are invalid",
    )
    reply_topics: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="glob patterns of the reply topics that a request may name, comma-separated",
    )

    @field_validator("reply_topics", mode="before")
    @classmethod
    def _globs(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("default_region")
    @classmethod
    def _known_region(cls, value: str | None) -> str | None:
        from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415  # slow to import, and few commands need it

        # Else every number without + would be refused, one by one and with no word about why.
        if value is not None and value not in SUPPORTED_REGIONS:
            raise ValueError("is no ISO country with telephone numbers, such as CN")
        return value

    @model_validator(mode="after")
    def _sasl(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_sasl_mechanism and self.kafka_sasl_username and self.kafka_sasl_password
        ):
            names = (f"{PREFIX}KAFKA_SASL_{name}" for name in ("MECHANISM", "USERNAME", "PASSWORD"))
            raise ValueError(f"{', '.join(names)} are needed with SASL")
        return self

    def kafka_options(self) -> dict[str, Any]:
        """What every aiokafka client is given: where Kafka is, and its TLS and SASL."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.kafka_bootstrap,
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
        """The topic names under this prefix."""
        return Topics(self.topic_prefix)


class LedgerSettings(BaseSettings):
    """Where the ledger is and how it is sealed."""

    model_config = CommonSettings.model_config

    mongo_url: SecretStr = Field(description="MongoDB's connection string; it may carry a password")
    mongo_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$")] = Field(
        default="rollcall",
        description="the database",
    )
    sealing_keys: SecretStr = Field(description="id:base64 pairs of 32 bytes, comma-separated, newest first")

    @field_validator("sealing_keys")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        parse_sealing_keys(value)
        return value


def parse_sealing_keys(value: SecretStr) -> tuple[tuple[str, bytes], ...]:
    """The (id, 32 bytes) pairs, newest first; raises ValueError without showing any of it."""
    pairs = []
    for item in value.get_secret_value().split(","):
        name, _, encoded = item.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not name.isascii() or not name.isalnum() or len(name) > 16 or len(key) != 32:
            raise ValueError("each key is id:base64 of 32 bytes, its id up to 16 letters and digits")
        pairs.append((name, key))
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("two keys have one id")
    return tuple(pairs)
