"""Settings of the HTTP service, read from the environment."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from config.settings import CommonSettings, LedgerSettings, settings_check
from config.tenant_bounds import TenantBoundSettings
from producer.jwt_algorithms import algorithms_for
from providers.receipts.receipt_settings import ReceiptSettings

KEYS = ("jwt_secret", "jwt_public_key", "jwt_jwks_url")


class ProducerSettings(CommonSettings, LedgerSettings, TenantBoundSettings, ReceiptSettings):
    """The settings of `rollcall producer`."""

    jwt_secret: SecretStr | None = Field(
        default=None,
        description="secret that signs tokens (HMAC), at least 32 bytes. Set exactly one of the three keys",
    )
    jwt_public_key: str | None = Field(
        default=None,
        description=r"public key of the token issuer, PEM (\n for line breaks). Set exactly one of the three keys",
    )
    jwt_jwks_url: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None, description="URL of the token issuer's key set (RFC 7517). Set exactly one of the three keys"
    )
    jwt_algorithms: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="accepted signature algorithms, comma-separated. If unset: the default for the key"
    )
    jwt_issuer: str | None = Field(default=None, description="required `iss`. If unset: not checked")
    jwt_audience: str | None = Field(
        default=None, description="required `aud`, or several, comma-separated: one is enough. If unset: not checked"
    )
    jwt_tenant_claim: str = Field(
        default="tenant_id", description="name of the claim with the tenant. A dot goes into an object: `org.id`"
    )
    jwt_scope_claim: str = Field(
        default="scope",
        description="name of the claim with the scopes: a string of words, or a list. "
        "A dot goes into an object: `realm_access.roles`",
    )
    jwt_scope_prefix: str = Field(
        default="",
        description="prefix of the scopes in tokens, such as `rollcall/`. Scopes without it do not count",
    )

    budget_currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(
        default=None,
        description="currency of the prices of SMS that the consumers have, such as EUR. "
        "Unset: they have none, and a request with a budget is refused",
    )

    unsubscribe_days: Annotated[int, Field(ge=30, le=3_650)] = Field(
        default=60, description="days after a message for which its unsubscribe link works. CAN-SPAM asks for 30"
    )

    http_host: str = Field(default="127.0.0.1", description="address to listen on. Containers set 0.0.0.0")
    http_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=8080, description="port to listen on. 0: any free port"
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="address of ROLLCALL_METRICS_PORT. Containers set 0.0.0.0",
    )
    metrics_port: Annotated[int | None, Field(ge=0, le=65_535)] = Field(
        default=None,
        description="port of `/metrics` of the producer alone. If unset: `/metrics` stays on ROLLCALL_HTTP_PORT",
    )
    http_token_calls_per_second: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=10, description="calls per second that one token may make in this process. 0: no limit"
    )
    http_tenant_calls_per_second: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=20, description="calls per second that one tenant may make in this process. 0: no limit"
    )
    http_burst_seconds: Annotated[float, Field(ge=0, le=3_600)] = Field(
        default=4, description="calls of so many seconds may come at once, before these rates apply"
    )
    max_recipients: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=100_000, description="maximum number of recipients in one call"
    )
    max_body_bytes: Annotated[int, Field(ge=1_024, le=268_435_456)] = Field(
        default=16 * 1024 * 1024, description="maximum size of a body in bytes"
    )
    min_body_bytes_per_second: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=16 * 1024, description="minimum rate in bytes per second at which a body must arrive"
    )
    chunk_size: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=500, description="recipients per chunk. A request of one chunk takes the express lane"
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
            raise ValueError("must be at least 32 bytes long")
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
            yield f"{given[0]}: {' and '.join(given)} must not be set together. Set one of them."
        else:
            try:
                self.token_algorithms()
            except ValueError as error:
                yield str(error)

    def audiences(self) -> tuple[str, ...] | None:
        """Return the accepted audiences, or None if they are not checked.

        An audience may be a URI with a comma, so the whole text counts too.
        """
        if self.jwt_audience is None:
            return None
        parts = (part.strip() for part in self.jwt_audience.split(","))
        return (self.jwt_audience, *(part for part in parts if part))

    def token_algorithms(self) -> tuple[str, ...]:
        """Return the accepted signature algorithms. Raises ValueError that names the wrong variable."""
        return algorithms_for(self.jwt_algorithms, public_key=self.jwt_public_key, secret=self.jwt_secret is not None)
