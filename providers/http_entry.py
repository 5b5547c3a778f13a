"""Fields that the entries of all providers over HTTP share."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from providers.entries import LOOPBACK, CaFile, ProviderEntry
from providers.http_client import HttpUrl, is_header_value


def _sendable(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value() or not is_header_value(secret):
        raise ValueError("must be valid in a header")
    return secret


HeaderSecret = Annotated[SecretStr, AfterValidator(_sendable)]
"""Secret that is sent in a header."""


class HttpApiEntry(ProviderEntry):
    """Settings of a provider over HTTP."""

    concurrency: int = Field(
        default=50,
        ge=1,
        le=10_000,
        description="maximum number of concurrent requests. It shrinks while the server answers 429 or slowly.",
    )
    allow_plain_http: bool = Field(
        default=False, description="true to send secrets over http to another machine, unencrypted"
    )
    ca_file: CaFile | None = Field(
        default=None, description="PEM file of the authorities to trust, instead of the system's"
    )


class VendorEntry(HttpApiEntry):
    """Settings of a vendor's API. Each vendor gives `base_url` its default."""

    base_url: HttpUrl = Field(description="URL of the API without its path. A mock or a proxy may have another one.")

    @model_validator(mode="after")
    def _encrypted_secrets(self) -> Self:
        require_encryption(self.base_url, self, "secrets")
        return self


def require_encryption(url: str, entry: HttpApiEntry, secrets: str) -> None:
    """Raise ValueError if the secrets of an entry, named `secrets`, would leave this machine unencrypted."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not entry.allow_plain_http:
        raise ValueError(f"{secrets} must not be sent unencrypted. Use https, or set allow_plain_http to true.")
