"""Settings of the command line. Each command reads only the variables that it needs."""

import os
from collections.abc import Iterator
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from cli.errors import UsageError
from config import settings as environment
from config.settings import PREFIX, CommonSettings, SettingsError, TextSettings, parse_sealing_keys, settings_check
from config.tenant_bounds import TenantBoundSettings
from core.text_limits import TextLimits
from ledger.sealing import Sealer
from providers.bounces.bounce_entry import BounceEntry, BounceKey
from providers.receipts.receipt_settings import ReceiptSettings
from schemas.regions import Region

S = TypeVar("S", bound=BaseSettings)


class SendSettings(CommonSettings):
    """Settings of `send`: Kafka, and the maximum size of a small request."""

    chunk_size: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=500,
        description="recipients per chunk. A request of one part with at most this number uses the express topics.",
    )


class RecipientSettings(SendSettings):
    """Settings of `send --dry-run` and `logs`: the region of phone numbers, and the maximum size of a small request.

    None of them is required.
    """

    kafka_bootstrap: str = Field(default="", description="Kafka's bootstrap servers, host:port, comma-separated")


class LedgerAddress(BaseSettings):
    """Address of the ledger. Indexes, counts and logs are not sealed, so commands that read them need no key."""

    model_config = CommonSettings.model_config

    mongo_url: SecretStr = Field(description="MongoDB's connection string. It may contain a password.")
    mongo_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$")] = "rollcall"


class SealingSettings(BaseSettings):
    """Sealing keys, for commands that read or write sealed data."""

    model_config = CommonSettings.model_config

    sealing_keys: SecretStr = Field(description="id:base64 pairs of 32 bytes, comma-separated, newest first")

    @field_validator("sealing_keys")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        parse_sealing_keys(value)
        return value

    @property
    def sealer(self) -> Sealer:
        """Return a sealer that opens data sealed with any of these keys."""
        return Sealer(parse_sealing_keys(self.sealing_keys))


class SetupSettings(CommonSettings, LedgerAddress):
    """Settings of `setup`: the addresses of Kafka and MongoDB."""


class TenantCommandSettings(LedgerAddress, TenantBoundSettings):
    """Settings of `tenant`: the address of the ledger, and the bounds of the operator."""


class OwnProviderSettings(TenantCommandSettings, SealingSettings):
    """Settings of `providers list` and `providers check` for a tenant: the keys that open its configurations, too."""


class SuppressionSettings(LedgerAddress, SealingSettings):
    """Settings of `suppressions`: the ledger, its keys, and the region of phone numbers."""

    default_region: Region | None = Field(default=None, description="ISO country for numbers without +")


class BounceSettings(CommonSettings, ReceiptSettings):
    """Settings of `bounces`: Kafka, and the keys of the return paths."""

    @settings_check("receipts", "receipts_file")
    def _has_bounce_key(self) -> Iterator[str]:
        if not self.bounce_keys:
            yield (
                "ROLLCALL_RECEIPTS: no entry has the kind smtp. Add one with provider and bounce_key for each provider "
                "of the kind smtp that has a return_path."
            )

    @property
    def bounce_keys(self) -> list[BounceKey]:
        """Return the keys of the mail servers, in the order of the settings."""
        return [
            BounceKey(entry.provider, entry.bounce_key.get_secret_value())
            for entry in self.receipt_entries
            if isinstance(entry, BounceEntry)
        ]


class TokenSettings(BaseSettings):
    """Settings of `token`: the secret, and the claims that the producer's settings require."""

    model_config = CommonSettings.model_config

    jwt_secret: SecretStr = Field(description="secret that signs tokens (HMAC), at least 32 bytes")
    jwt_tenant_claim: str = "tenant_id"
    jwt_scope_claim: str = "scope"
    jwt_scope_prefix: str = ""
    jwt_issuer: str | None = None
    jwt_audience: str | None = None

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        # RFC 7518, 3.2: a key of the size of the hash output or larger. The producer requires the same.
        if len(value.get_secret_value().encode()) < 32:
            raise ValueError("must have at least 32 bytes")
        return value


def ledger_if_given() -> LedgerAddress | None:
    """Return the address of the ledger, or None if it is not set. Raises UsageError if it is wrong."""
    return load(LedgerAddress) if os.environ.get(f"{PREFIX}MONGO_URL") else None


def load_text_limits() -> TextLimits:
    """Return the limits of the texts. Raises UsageError if a setting is wrong."""
    settings = load(TextSettings)
    return TextLimits(settings.max_sms_segments, settings.max_email_bytes)


def load(settings: type[S]) -> S:
    """Read settings from the environment. Raises UsageError with one line for each wrong variable."""
    try:
        return environment.load(settings)
    except SettingsError as error:
        raise UsageError(str(error)) from None
