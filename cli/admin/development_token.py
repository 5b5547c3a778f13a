"""Bearer tokens for development, as `rollcall token` prints them. In production an identity provider issues tokens."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import jwt


def issue_token(  # noqa: PLR0913  # the claims of a token, and two claim names that settings may change
    secret: str,
    tenant: str,
    user: str,
    scopes: Iterable[str],
    ttl_seconds: int,
    *,
    now: datetime | None = None,
    tenant_claim: str = "tenant_id",
    scope_claim: str = "scope",
    issuer: str | None = None,
    audience: str | None = None,
) -> str:
    """Return a bearer token that is signed with HS256 and valid for `ttl_seconds` from now."""
    issued_at = now or datetime.now(UTC)
    claims = {
        "sub": user,
        tenant_claim: tenant,
        scope_claim: " ".join(scopes),
        "iat": issued_at,
        "exp": issued_at + timedelta(seconds=ttl_seconds),
        **({"iss": issuer} if issuer else {}),
        **({"aud": audience} if audience else {}),
    }
    return jwt.encode(claims, secret, algorithm="HS256")
