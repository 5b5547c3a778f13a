"""Who calls, and what the token allows. A token is taken from the Authorization header only."""

import re
from dataclasses import dataclass

import jwt
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers

from producer.auth.signing_keys import KeysUnavailableError, SigningKeySource, UnknownKeyError, key_source
from producer.errors import ForbiddenError, UnauthorizedError, UnavailableError
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
class Principal:
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


class TokenVerifier:
    """Checks bearer tokens against one source of keys."""

    def __init__(self, settings: ProducerSettings, keys: SigningKeySource | None = None) -> None:
        self._settings = settings
        self._keys = keys or key_source(settings)
        self._algorithms = settings.token_algorithms()
        self._jwt = jwt.PyJWT(
            {
                "require": ["exp", "iat", "sub"],
                "verify_aud": settings.jwt_audience is not None,
                "verify_iss": settings.jwt_issuer is not None,
                "verify_sub": False,  # checked here, and more strictly
                "verify_jti": False,
                "enforce_minimum_key_length": True,
            }
        )

    async def authenticate(self, headers: Headers) -> Principal:
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
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError) as error:
            raise _invalid(_why(error)) from None
        return self._caller(claims)

    def _caller(self, claims: dict[str, object]) -> Principal:
        tenant_id = _named(claims, self._settings.jwt_tenant_claim, _TENANT)
        user_id = _named(claims, "sub", _USER)
        return Principal(tenant_id, user_id, _scopes(claims.get(self._settings.jwt_scope_claim)))


def _named(claims: dict[str, object], name: str, kind: TypeAdapter[str]) -> str:
    if claims.get(name) is None:
        raise _invalid(f"the token lacks the claim {name}")
    try:
        return kind.validate_python(claims[name], strict=True)
    except ValidationError:
        raise _invalid(f"the claim {name} of the token is not as it must be") from None


def _invalid(why: str) -> UnauthorizedError:
    return UnauthorizedError(why, error="invalid_token")


def _why(error: Exception) -> str:
    """Which check a token did not pass: what its owner must mend, and nothing that the token does not say itself."""
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token lacks the claim {error.claim}"
    if isinstance(error, UnknownKeyError):
        return str(error)
    if type(error) is jwt.DecodeError and not _NO_TIME.search(str(error)):
        return "the token is not a JSON Web Token"
    return next((said for kind, said in _REASONS if isinstance(error, kind)), _WRONG_TIME)


_NO_TIME = re.compile(r"\((exp|nbf)\)")
_WRONG_TIME = "a claim of the token (exp, iat, nbf) is not a time"
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "the token has expired"),
    (jwt.ImmatureSignatureError, "the token is not valid yet"),
    (jwt.InvalidSignatureError, "the signature of the token does not match"),
    (jwt.InvalidAlgorithmError, "the token is signed with an algorithm that is not accepted"),
    (jwt.InvalidKeyError, "the token is signed with an algorithm that is not accepted"),
    (TypeError, "the token is signed with an algorithm that is not accepted"),
    (jwt.InvalidAudienceError, "the token is for another audience (aud)"),
    (jwt.InvalidIssuerError, "the token is from another issuer (iss)"),
)


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
