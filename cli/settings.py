"""What the command line reads from the environment: each command only what it needs."""

import os
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from cli.errors import UsageError
from config import settings as environment
from config.settings import PREFIX, CommonSettings, SettingsError, parse_sealing_keys
from ledger.sealing import Sealer

S = TypeVar("S", bound=BaseSettings)


class SendSettings(CommonSettings):
    """What `send` needs: Kafka, and what counts as a small request."""

    chunk_size: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=500,
        description="recipients a chunk; a request of one part and at most so many travels on the express topics",
    )


class RecipientSettings(SendSettings):
    """What `send --dry-run` and `logs` read, if it is there: how addresses are written, and what a small request is."""

    kafka_bootstrap: str = Field(default="", description="Kafka's bootstrap servers, host:port, comma-separated")


class LedgerAddress(BaseSettings):
    """Where the ledger is. Indexes, counts and logs are read without opening anything sealed, so no key is needed."""

    model_config = CommonSettings.model_config

    mongo_url: SecretStr = Field(description="MongoDB's connection string; it may carry a password")
    mongo_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$")] = "rollcall"


class SealingSettings(BaseSettings):
    """What opens sealed things, for commands that need no ledger beside."""

    model_config = CommonSettings.model_config

    sealing_keys: SecretStr = Field(description="id:base64 pairs of 32 bytes, comma-separated, newest first")

    @field_validator("sealing_keys")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        parse_sealing_keys(value)
        return value

    @property
    def sealer(self) -> Sealer:
        """Opens what was sealed with any of them."""
        return Sealer(parse_sealing_keys(self.sealing_keys))


class SetupSettings(CommonSettings, LedgerAddress):
    """What `setup` needs: both addresses."""


class TokenSettings(BaseSettings):
    """What `token` needs: the secret, and what a token must say under the producer's settings."""

    model_config = CommonSettings.model_config

    jwt_secret: SecretStr = Field(description="secret that signs tokens (HMAC), at least 32 bytes")
    jwt_tenant_claim: str = "tenant_id"
    jwt_scope_claim: str = "scope"
    jwt_issuer: str | None = None
    jwt_audience: str | None = None

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        # RFC 7518, 3.2: a key of the size of the hash output or larger. The producer refuses shorter ones too.
        if len(value.get_secret_value().encode()) < 32:
            raise ValueError("is shorter than 32 bytes")
        return value


def ledger_if_given() -> LedgerAddress | None:
    """Where the ledger is, for commands that can do without; a UsageError where it is given and wrong."""
    return load(LedgerAddress) if os.environ.get(f"{PREFIX}MONGO_URL") else None


def load(settings: type[S]) -> S:
    """Read settings from the environment; a UsageError has one line for each wrong variable."""
    try:
        return environment.load(settings)
    except SettingsError as error:
        raise UsageError(str(error)) from None
