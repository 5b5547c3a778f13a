"""Sources of the keys that verify tokens: one key from the settings, or the key set that the issuer publishes."""

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
from typing_extensions import override

from producer.settings import ProducerSettings

FETCH_TIMEOUT_SECONDS = 3
"""Maximum time of a whole fetch in seconds."""
MAX_FETCH_BYTES = 1024 * 1024
"""Maximum size of a key set in bytes."""
REFRESH_AFTER_SECONDS = 300
"""Age in seconds at which a fetched key set is fetched again in the background."""
WAIT_FOR_REFRESH_AFTER_SECONDS = 600
"""Age in seconds at which calls wait for the next key set. A withdrawn key is refused after this time."""
MAX_AGE_SECONDS = 3_600
"""Maximum age in seconds of a key set if the issuer cannot be reached."""
MIN_FETCH_INTERVAL_SECONDS = 30
"""Minimum time in seconds between two fetches, also after an unknown key id or a failure."""

_log = structlog.get_logger()


class KeysUnavailableError(Exception):
    """A key set that was never fetched, or too long ago."""


class UnknownKeyError(jwt.InvalidTokenError):
    """A token that is signed with a key that the issuer does not publish. The message is for the caller."""


class SigningKeySource(Protocol):
    """A source of the keys that tokens are signed with."""

    async def find(self, token: str) -> Any:
        """Return the key of the token for `jwt.decode`.

        Raises jwt.PyJWTError if there is no such key, KeysUnavailableError if the keys cannot be fetched.
        """


class StaticKey(SigningKeySource):
    """The single key of the settings, for every token."""

    def __init__(self, key: Any) -> None:
        self._key = key

    @override
    async def find(self, token: str) -> Any:
        return self._key


class JwksKeys(SigningKeySource):
    """The keys of a JWKS by key id. One task at a time fetches the set."""

    def __init__(
        self, fetch: Callable[[], Awaitable[Sequence[PyJWK]]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    @override
    async def find(self, token: str) -> PyJWK:
        """Return the key with the token's `kid`. Wait for a fetch only if the known keys do not suffice."""
        kid = jwt.get_unverified_header(token).get("kid")
        if not kid:
            raise UnknownKeyError("the token does not name its key (kid)")
        if kid not in self._keys or self._age() > REFRESH_AFTER_SECONDS:
            self._begin_fetch()
        if self._fetching is not None and (kid not in self._keys or self._age() > WAIT_FOR_REFRESH_AFTER_SECONDS):
            await asyncio.shield(self._fetching)
        if self._age() > MAX_AGE_SECONDS:
            raise KeysUnavailableError
        if kid not in self._keys:
            raise UnknownKeyError("the token is signed with an unknown key")
        return self._keys[kid]

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _begin_fetch(self) -> None:
        if self._fetching is None and self._monotonic() - self._tried_at >= MIN_FETCH_INTERVAL_SECONDS:
            self._tried_at = self._monotonic()
            self._fetching = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            keys = await self._fetch()
        except (jwt.PyJWTError, ValueError, OSError, aiohttp.ClientError, TimeoutError):
            _log.warning("signing key fetch failed")
        else:
            self._keys = {key.key_id: key for key in keys if key.key_id}
            self._fetched_at = self._monotonic()
        finally:
            self._fetching = None


async def fetch_keys(url: str) -> Sequence[PyJWK]:
    """Return the published keys that sign. Raises an error that `JwksKeys` counts as a failed fetch."""
    timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.get(url, raise_for_status=True) as response,
    ):
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_FETCH_BYTES:
                raise ValueError("the key set is too large")
    document = orjson.loads(body)
    if not isinstance(document, dict):
        raise ValueError("the key set is not an object")  # noqa: TRY004  # the fetched data is wrong, not an argument
    return [key for key in PyJWKSet.from_dict(document).keys if key.public_key_use in {"sig", None}]


def key_source(settings: ProducerSettings) -> SigningKeySource:
    """Return the source that the settings name. Nothing is fetched yet."""
    if settings.jwt_secret is not None:
        return StaticKey(settings.jwt_secret.get_secret_value())
    if settings.jwt_public_key is not None:
        return StaticKey(settings.jwt_public_key)
    return JwksKeys(partial(fetch_keys, str(settings.jwt_jwks_url)))
