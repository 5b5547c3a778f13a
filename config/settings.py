"""What the environment says, shared by the services: where the real parts are and how they are named."""

import base64
import binascii
import ssl
from collections.abc import Callable, Collection, Iterator
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, create_model, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.topics import DEFAULT_PREFIX, Topics
from schemas.validation_errors import read_problems

PREFIX = "ROLLCALL_"
CheckMethod = Callable[[Any], Iterator[str]]
"""A method that yields a line for each contradiction that it finds."""


def settings_check(*names: str) -> Callable[[CheckMethod], CheckMethod]:
    """Mark a method that finds contradictions between these settings; it is not asked where one of them is wrong."""

    def mark(method: CheckMethod) -> CheckMethod:
        method.looks_at = frozenset(names)  # type: ignore[attr-defined]
        return method

    return mark


class Settings(BaseSettings):
    """What all classes that read the environment have in common."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # as an entry of .env that was left empty
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
        """A line for each contradiction between settings that are right by themselves; each names its variable."""
        methods = {name: value for kind in reversed(type(self).__mro__) for name, value in vars(kind).items()}
        asked = [method for method in methods.values() if getattr(method, "looks_at", None)]
        return [line for method in asked if not method.looks_at & set(wrong) for line in method(self)]


S = TypeVar("S", bound=BaseSettings)


class SettingsError(Exception):
    """The environment is wrong; each line names a variable. No value is shown."""


def load(settings: type[S]) -> S:
    """Read settings from the environment; raises SettingsError with a line for each wrong variable, all at once."""
    try:
        return settings()
    except ValidationError as error:
        lines, wrong = [], set[str]()
        for problem in read_problems(error):
            said = "is not set" if problem.kind == "missing" else problem.message
            if problem.location:
                name = str(problem.location[0])
                wrong.add(name)
                lines += [f"{PREFIX}{name.upper()}: {line}" for line in said.splitlines()]
            else:
                lines += said.splitlines()
        if wrong and issubclass(settings, Settings):  # what was asked so far is each variable by itself
            lines += _without(settings, wrong).contradictions(wrong)
        raise SettingsError("\n".join(lines)) from None


def _without(settings: type[Settings], wrong: Collection[str]) -> Settings:
    """The settings with None where the environment is wrong, and not asked for contradictions."""
    unset = {
        name: (Any, Field(default=None, validate_default=False, validation_alias=f"{name} is wrong")) for name in wrong
    }
    partly: type[Settings] = create_model(  # type: ignore[call-overload]
        "Partly",
        __base__=settings,
        __validators__={"_consistent": model_validator(mode="after")(lambda self: self)},
        **unset,
    )
    return partly()


class CommonSettings(Settings):
    """The part of the environment that every service and the command line read."""

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

    @field_validator("kafka_bootstrap")
    @classmethod
    def _servers(cls, value: str) -> str:
        for server in value.split(",") if value else ():
            try:
                parts = urlsplit(f"//{server.strip()}")
                named = bool(parts.hostname) and parts.port != 0 and [parts.netloc] == server.split()
            except ValueError:
                named = False
            if not named:
                raise ValueError("is no list of host:port, comma-separated")
        return value

    @field_validator("kafka_ssl_ca_file")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        try:
            if value:
                ssl.create_default_context(cafile=value)
        except ssl.SSLError:
            raise ValueError("the file holds no certificates in PEM") from None
        except OSError as error:
            raise ValueError(f"the file cannot be read: {error.strerror}") from None
        return value

    @settings_check("kafka_security_protocol", "kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
    def _sasl(self) -> Iterator[str]:
        if self.kafka_security_protocol.startswith("SASL"):
            for name in ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password"):
                if not getattr(self, name):
                    yield f"{PREFIX}{name.upper()}: is needed with {self.kafka_security_protocol}"

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


class LedgerSettings(Settings):
    """Where the ledger is and how it is sealed."""

    mongo_url: SecretStr = Field(description="MongoDB's connection string; it may carry a password")
    mongo_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$")] = Field(
        default="rollcall",
        description="the database",
    )
    sealing_keys: SecretStr = Field(description="id:base64 pairs of 32 bytes, comma-separated, newest first")

    @field_validator("mongo_url")
    @classmethod
    def _address(cls, value: SecretStr) -> SecretStr:
        """Only how it begins: all else is for the driver, which would ask the DNS for some of it."""
        if not value.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("is not a valid MongoDB connection string")
        return value

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
