"""Where the keys come from that tokens are checked with: one from the settings, or a set that the issuer publishes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

import aiohttp
import jwt
import orjson
import structlog
from jwt import PyJWK, PyJWKSet

from producer.settings import ProducerSettings

FETCH_SECONDS = 3
"""How long a fetch may take, the whole of it."""
FETCH_BYTES = 1024 * 1024
FRESH_SECONDS = 300
"""How long a fetched set is used without asking again."""
STALE_SECONDS = 600
"""How long it is used while the next one is on its way: how soon a key that was withdrawn stops working."""
PATIENCE_SECONDS = 3_600
"""How long a set is used when the issuer cannot be reached."""
PAUSE_SECONDS = 30
"""An unknown key id, or a failure, makes a fetch at most this often."""

_log = structlog.get_logger()


class KeysUnavailableError(Exception):
    """The issuer's keys were never read, or too long ago."""


class UnknownKeyError(jwt.InvalidTokenError):
    """The token is signed with a key that is not the issuer's; the message is for the caller."""


class SigningKeySource(Protocol):
    """Finds the key that a token claims to be signed with."""

    async def find(self, token: str) -> Any:
        """The key for jwt.decode; raises jwt.PyJWTError where there is none, KeysUnavailableError."""


class StaticKey:
    """The key of the settings."""

    def __init__(self, key: Any) -> None:
        self._key = key

    async def find(self, token: str) -> Any:  # noqa: ARG002  # whatever the token says, there is one key
        """The key."""
        return self._key


class JwksKeys:
    """A JWKS, fetched by one task at a time, and looked up by key id."""

    def __init__(
        self, fetch: Callable[[], Awaitable[Sequence[PyJWK]]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, token: str) -> PyJWK:
        """The key of the token's `kid`; waits for a fetch only where the known keys do not do."""
        kid = jwt.get_unverified_header(token).get("kid")
        if not kid:
            raise UnknownKeyError("the token names no key (kid)")
        if kid not in self._keys or self._age() > FRESH_SECONDS:
            self._begin_fetch()
        if self._fetching is not None and (kid not in self._keys or self._age() > STALE_SECONDS):
            await asyncio.shield(self._fetching)
        if self._age() > PATIENCE_SECONDS:
            raise KeysUnavailableError
        if kid not in self._keys:
            raise UnknownKeyError("the token is signed with a key that is not known")
        return self._keys[kid]

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _begin_fetch(self) -> None:
        if self._fetching is None and self._monotonic() - self._tried_at >= PAUSE_SECONDS:
            self._tried_at = self._monotonic()
            self._fetching = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            keys = await self._fetch()
        except (jwt.PyJWTError, ValueError, OSError, aiohttp.ClientError, TimeoutError):
            _log.warning("the issuer's keys could not be read")
        else:
            self._keys = {key.key_id: key for key in keys if key.key_id}
            self._fetched_at = self._monotonic()
        finally:
            self._fetching = None


async def fetch_keys(url: str) -> Sequence[PyJWK]:
    """The keys that are published there, those that sign; raises what `PublishedKeys` takes for a failure."""
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.get(url, raise_for_status=True) as answer,
    ):
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > FETCH_BYTES:
                raise ValueError("the set of keys is too large")
    found = orjson.loads(body)
    if not isinstance(found, dict):
        raise ValueError("the set of keys is no object")  # noqa: TRY004  # of what was fetched, not of an argument
    return [key for key in PyJWKSet.from_dict(found).keys if key.public_key_use in {"sig", None}]


def key_source(settings: ProducerSettings) -> SigningKeySource:
    """The source that the settings name; nothing is fetched yet."""
    if settings.jwt_secret is not None:
        return StaticKey(settings.jwt_secret.get_secret_value())
    if settings.jwt_public_key is not None:
        return StaticKey(settings.jwt_public_key)
    return JwksKeys(partial(fetch_keys, str(settings.jwt_jwks_url)))
