"""Who calls, and what the token allows. A token is taken from the Authorization header only."""

from dataclasses import dataclass

import jwt
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers

from producer.errors import ForbiddenError, UnauthorizedError, UnavailableError
from producer.keys import KeySource, KeysUnavailableError, key_source
from producer.settings import ProducerSettings
from schemas.requests import TenantId, UserId

SEND = "communication:send"
SEND_AS = "communication:send_as"
READ = "communication:read"
ADMIN = "communication:admin"

LEEWAY_SECONDS = 10
"""How far the issuer's clock and ours may be apart."""

_TENANT = TypeAdapter[str](TenantId)
_USER = TypeAdapter[str](UserId)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the token speaks for."""

    tenant_id: str
    user_id: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the token has this scope; admin has every one within its tenant."""
        return scope in self.scopes or ADMIN in self.scopes

    def require(self, scope: str) -> None:
        """Raise ForbiddenError unless the token has this scope."""
        if not self.may(scope):
            raise ForbiddenError(f"the token lacks the scope {scope}", scope=scope)


class Doorkeeper:
    """Checks bearer tokens against one source of keys."""

    def __init__(self, settings: ProducerSettings, keys: KeySource | None = None) -> None:
        self._settings = settings
        self._keys = keys or key_source(settings)
        self._algorithms = settings.token_algorithms()
        self._jwt = jwt.PyJWT(
            {
                "require": ["exp", "iat", "sub"],
                "verify_aud": settings.jwt_audience is not None,
                "verify_iss": settings.jwt_issuer is not None,
                "enforce_minimum_key_length": True,
            }
        )

    async def admit(self, headers: Headers) -> Caller:
        """The caller that the request's token names; raises UnauthorizedError, UnavailableError."""
        token = _bearer(headers.getlist("authorization"))
        try:
            key = await self._keys.find(token)
            claims = self._jwt.decode(
                token,
                key,
                algorithms=self._algorithms,
                issuer=self._settings.jwt_issuer,
                audience=self._settings.jwt_audience,
                leeway=LEEWAY_SECONDS,
            )
        except KeysUnavailableError:
            raise UnavailableError("the keys that tokens are checked with cannot be read at the moment") from None
        except jwt.ExpiredSignatureError:
            raise UnauthorizedError("the token has expired", error="invalid_token") from None
        except (jwt.PyJWTError, ValueError, OverflowError):
            raise UnauthorizedError("the token is not valid", error="invalid_token") from None
        return self._caller(claims)

    def _caller(self, claims: dict[str, object]) -> Caller:
        try:
            tenant_id = _TENANT.validate_python(claims.get(self._settings.jwt_tenant_claim), strict=True)
            user_id = _USER.validate_python(claims["sub"], strict=True)
        except ValidationError:
            raise UnauthorizedError("the token names no tenant, or no user", error="invalid_token") from None
        return Caller(tenant_id, user_id, _scopes(claims.get(self._settings.jwt_scope_claim)))


def _bearer(headers: list[str]) -> str:
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("a bearer token is needed")
    return token.strip()


def _scopes(claim: object) -> frozenset[str]:
    """Scopes as RFC 8693 writes them, words in a string, or as a list of strings."""
    if isinstance(claim, str):
        return frozenset(claim.split())
    return frozenset(word for word in claim if isinstance(word, str)) if isinstance(claim, list) else frozenset()
