"""What the HTTP service reads from the environment."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from config.settings import CommonSettings, LedgerSettings, settings_check
from producer.jwt_algorithms import algorithms_for

KEYS = ("jwt_secret", "jwt_public_key", "jwt_jwks_url")


class ProducerSettings(CommonSettings, LedgerSettings):
    """The settings of `rollcall producer`."""

    jwt_secret: SecretStr | None = Field(
        default=None, description="secret that signs tokens (HMAC), at least 32 bytes; one of three keys"
    )
    jwt_public_key: str | None = Field(
        default=None, description=r"public key of the tokens' issuer, PEM (\n for line breaks); one of three keys"
    )
    jwt_jwks_url: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None, description="where the tokens' issuer publishes its keys (RFC 7517); one of three keys"
    )
    jwt_algorithms: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="accepted signature algorithms, comma-separated; unset: what suits the key"
    )
    jwt_issuer: str | None = Field(default=None, description="required `iss`; unset: not looked at")
    jwt_audience: str | None = Field(default=None, description="required `aud`; unset: not looked at")
    jwt_tenant_claim: str = Field(default="tenant_id", description="the claim that names the tenant")
    jwt_scope_claim: str = Field(default="scope", description="the claim with the scopes: words, or a list")

    http_host: str = Field(default="127.0.0.1", description="address to listen on; containers set 0.0.0.0")
    http_port: Annotated[int, Field(ge=0, le=65_535)] = Field(default=8080, description="port; 0: any free one")
    max_recipients: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=100_000, description="recipients in one call"
    )
    max_body_bytes: Annotated[int, Field(ge=1_024, le=268_435_456)] = Field(
        default=16 * 1024 * 1024, description="size of a body in bytes"
    )
    chunk_size: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=500, description="recipients a chunk; a request of one chunk takes the express lane"
    )

    @field_validator("jwt_algorithms", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        # RFC 7518, 3.2: a key of the size of the hash output or larger.
        if value and len(value.get_secret_value().encode()) < 32:
            raise ValueError("is shorter than 32 bytes")
        return value

    @field_validator("jwt_public_key")
    @classmethod
    def _line_breaks(cls, value: str | None) -> str | None:
        return value.replace("\\n", "\n") if value else value

    @settings_check(*KEYS, "jwt_algorithms")
    def _one_key(self) -> Iterator[str]:
        given = [f"ROLLCALL_{name.upper()}" for name in KEYS if getattr(self, name)]
        if not given:
            names = "ROLLCALL_JWT_SECRET, ROLLCALL_JWT_PUBLIC_KEY and ROLLCALL_JWT_JWKS_URL"
            yield f"ROLLCALL_JWT_SECRET: exactly one of {names} must be set"
        elif len(given) > 1:
            yield f"{given[0]}: {' and '.join(given)} exclude each other"
        else:
            try:
                self.token_algorithms()
            except ValueError as error:
                yield str(error)

    def token_algorithms(self) -> tuple[str, ...]:
        """The algorithms that a token may be signed with; raises ValueError naming the variable that is wrong."""
        return algorithms_for(self.jwt_algorithms, public_key=self.jwt_public_key, secret=self.jwt_secret is not None)
