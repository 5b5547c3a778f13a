"""Authentication of callers by bearer token. A token is taken from the Authorization header only."""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers

from producer.auth.signing_keys import KeysUnavailableError, SigningKeySource, UnknownKeyError, key_source
from producer.errors import ForbiddenError, LongHeaderError, UnauthorizedError, UnavailableError
from producer.settings import ProducerSettings
from schemas.requests import TenantId, UserId

SEND = "communication:send"
SEND_AS = "communication:send_as"
READ = "communication:read"
ADMIN = "communication:admin"
SUPPRESSIONS = "communication:suppressions"
CONSENTS = "communication:consents"
SUPPRESSED_ADDRESSES = "communication:suppressions:addresses"
INTERNAL = "communication:internal"
USER_ADDRESSES = "communication:internal:addresses"
"""Scope of its own for whole addresses. No other scope includes it."""
SCOPES = frozenset({SEND, SEND_AS, READ, ADMIN, SUPPRESSIONS, CONSENTS, SUPPRESSED_ADDRESSES, INTERNAL, USER_ADDRESSES})
"""Scopes that rollcall knows. Others of a token are not kept."""
NEVER_IMPLIED = frozenset({SUPPRESSED_ADDRESSES, INTERNAL, USER_ADDRESSES})
"""Scopes that a token must name, also one with the scope for admins."""

LEEWAY_SECONDS = 10
"""Maximum difference in seconds between the issuer's clock and the clock of this process."""
MAX_AUTHORIZATION_LENGTH = 16 * 1024
"""Maximum length of an `Authorization` header in characters. Tokens with many groups have about half of it."""

MAX_VERIFIED_TOKENS = 1_000
"""Maximum number of tokens that the verifier remembers. A caller uses one token for many calls."""
MAX_VERIFIED_LENGTH = 2_048
"""Length of a token in characters up to which it is remembered. The size of the memory follows from both."""

_TENANT = TypeAdapter[str](TenantId)
_USER = TypeAdapter[str](UserId)


@dataclass(frozen=True, slots=True)
class Principal:
    """The user of a token, with its tenant and scopes."""

    tenant_id: str
    user_id: str
    scopes: frozenset[str]
    token_digest: bytes = field(default=b"", compare=False)
    """Digest of the token without its signature, which an owner of the token can write in several ways."""

    def may(self, scope: str) -> bool:
        """Return whether the token allows this scope. Admin allows others within its tenant, except `NEVER_IMPLIED`."""
        return scope in self.scopes or (ADMIN in self.scopes and scope not in NEVER_IMPLIED)

    def require(self, scope: str) -> None:
        """Raise ForbiddenError unless the token allows this scope."""
        if not self.may(scope):
            raise ForbiddenError(f"the token lacks the scope {scope}", scope=scope)


@dataclass(frozen=True, slots=True)
class _Verified:
    """Token whose signature and claims were valid."""

    key: Any
    """Key that verified it. Another one means that the signature has to be verified again."""
    ends_at: float
    """Unix time in seconds from which the token is expired."""
    principal: Principal


class TokenVerifier:
    """Verifies bearer tokens with the keys of one source. It remembers the tokens that it verified last.

    To verify a token again takes a tenth of the time of a small call. Only its expiry and the key can change.
    """

    def __init__(self, settings: ProducerSettings, keys: SigningKeySource | None = None) -> None:
        self._settings = settings
        self._keys = keys or key_source(settings)
        self._algorithms = settings.token_algorithms()
        self._verified: dict[bytes, _Verified] = {}
        self._jwt = jwt.PyJWT(
            {
                "require": ["exp", "iat", "sub"],
                "verify_aud": settings.jwt_audience is not None,
                "verify_iss": settings.jwt_issuer is not None,
                "verify_sub": False,  # `_read_claim` checks it more strictly
                "verify_jti": False,
                "enforce_minimum_key_length": True,
            }
        )

    async def authenticate(self, headers: Headers) -> Principal:
        """Return the principal of the request's token. Raises UnauthorizedError, UnavailableError."""
        token = _read_bearer_token(headers.getlist("authorization"))
        try:
            key = await self._keys.find(token)
            digest = hashlib.blake2b(token.encode(), digest_size=32).digest()
            known = self._verified.get(digest)
            if known is not None and known.key is key and time.time() < known.ends_at:
                return known.principal
            claims = self._jwt.decode(
                token,
                key,
                algorithms=self._algorithms,
                issuer=self._settings.jwt_issuer,
                audience=self._settings.audiences(),
                leeway=LEEWAY_SECONDS,
            )
        except KeysUnavailableError:
            raise UnavailableError("the keys that verify tokens cannot be fetched at the moment") from None
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise _invalid_token(_describe_failure(error)) from None
        principal = self._principal(claims, hashlib.blake2b(token.rpartition(".")[0].encode(), digest_size=16).digest())
        if len(token) <= MAX_VERIFIED_LENGTH:
            self._remember(digest, _Verified(key, int(claims["exp"]) + LEEWAY_SECONDS, principal))
        return principal

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._verified.pop(digest, None)
        if len(self._verified) >= MAX_VERIFIED_TOKENS:
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = verified

    def _principal(self, claims: dict[str, object], token_digest: bytes) -> Principal:
        settings = self._settings
        tenant_id = _read_claim(claims, settings.jwt_tenant_claim, _TENANT)
        user_id = _read_claim(claims, "sub", _USER)
        scopes = _read_scopes(_find_claim(claims, settings.jwt_scope_claim), settings.jwt_scope_prefix)
        return Principal(tenant_id, user_id, scopes, token_digest)


def _find_claim(claims: Mapping[str, object], name: str) -> object:
    """Return a claim by its name, or by its path through objects. Return None if there is none.

    The names of some issuers have dots themselves, such as `https://example.com/tenant`. So the longest name counts.
    """
    if name in claims:
        return claims[name]
    for dot in range(len(name) - 1, 0, -1):
        inner = claims.get(name[:dot]) if name[dot] == "." else None
        if isinstance(inner, Mapping) and (found := _find_claim(inner, name[dot + 1 :])) is not None:
            return found
    return None


def _read_claim(claims: Mapping[str, object], name: str, adapter: TypeAdapter[str]) -> str:
    value = _find_claim(claims, name)
    if value is None:
        raise _invalid_token(f"the token lacks the claim {name}")
    try:
        return adapter.validate_python(value, strict=True)
    except ValidationError:
        raise _invalid_token(f"the claim {name} of the token is not valid") from None


def _invalid_token(message: str) -> UnauthorizedError:
    return UnauthorizedError(message, error="invalid_token")


def _describe_failure(error: Exception) -> str:
    """Return the check that the token failed. The text reveals nothing that is not in the token itself."""
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token lacks the claim {error.claim}"
    if isinstance(error, UnknownKeyError):
        return str(error)
    is_nested_deeply = isinstance(error, RecursionError)  # from the JSON parser, and PyJWT does not catch it
    if is_nested_deeply or (type(error) is jwt.DecodeError and not _TIME_CLAIM.search(str(error))):
        return "the token is not a JSON Web Token"
    return next((message for kind, message in _REASONS if isinstance(error, kind)), _NOT_A_TIME)


_TIME_CLAIM = re.compile(r"\((exp|nbf)\)")
_NOT_A_TIME = "a claim of the token (exp, iat, nbf) is not a time"
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


def _read_bearer_token(headers: list[str]) -> str:
    if sum(map(len, headers)) > MAX_AUTHORIZATION_LENGTH:
        raise LongHeaderError("Authorization", MAX_AUTHORIZATION_LENGTH)
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("a bearer token is required")
    return token.strip()


def _read_scopes(claim: object, prefix: str) -> frozenset[str]:
    """Return the known scopes of a claim: words in a string as in RFC 8693, or a list of strings, after a prefix."""
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else ()
    named = {word.removeprefix(prefix) for word in words if isinstance(word, str) and word.startswith(prefix)}
    return SCOPES & named
