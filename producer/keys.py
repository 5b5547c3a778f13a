"""Where the keys come from that tokens are checked with: one from the settings, or a set that the issuer publishes."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jwt
from jwt import PyJWK, PyJWKClient

from producer.settings import ProducerSettings

FETCH_SECONDS = 3
FRESH_SECONDS = 300
"""How long a fetched set is used without asking again: how soon a key that was withdrawn stops working."""
PATIENCE_SECONDS = 3_600
"""How long a set is used when the issuer cannot be reached."""
PAUSE_SECONDS = 30
"""An unknown key id, or a failure, makes a fetch at most this often."""


class KeysUnavailableError(Exception):
    """The issuer's keys were never read, or too long ago."""


class KeySource(Protocol):
    """Finds the key that a token claims to be signed with."""

    async def find(self, token: str) -> Any:
        """The key for jwt.decode; raises jwt.PyJWTError where there is none, KeysUnavailableError."""


class OneKey:
    """The key of the settings."""

    def __init__(self, key: Any) -> None:
        self._key = key

    async def find(self, token: str) -> Any:  # noqa: ARG002  # whatever the token says, there is one key
        """The key."""
        return self._key


class PublishedKeys:
    """A JWKS, fetched in a thread by one caller at a time, and looked up by key id."""

    def __init__(self, fetch: Callable[[], Sequence[PyJWK]], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def find(self, token: str) -> PyJWK:
        """The key of the token's `kid`."""
        kid = jwt.get_unverified_header(token).get("kid")
        if not kid:
            raise jwt.InvalidTokenError("The token names no key id")
        if self._wants_fetch(kid):
            async with self._fetching:
                if self._wants_fetch(kid):
                    await self._refresh()
        if self._age() > PATIENCE_SECONDS:
            raise KeysUnavailableError
        if kid not in self._keys:
            raise jwt.InvalidTokenError("The token's key is not known")
        return self._keys[kid]

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _wants_fetch(self, kid: str) -> bool:
        if self._monotonic() - self._tried_at < PAUSE_SECONDS:
            return False
        return kid not in self._keys or self._age() > FRESH_SECONDS

    async def _refresh(self) -> None:
        self._tried_at = self._monotonic()
        try:
            keys = await asyncio.to_thread(self._fetch)
        except (jwt.PyJWTError, ValueError):
            return
        self._keys = {key.key_id: key for key in keys if key.key_id}
        self._fetched_at = self._monotonic()


def key_source(settings: ProducerSettings) -> KeySource:
    """The source that the settings name; nothing is fetched yet."""
    if settings.jwt_secret is not None:
        return OneKey(settings.jwt_secret.get_secret_value())
    if settings.jwt_public_key is not None:
        return OneKey(settings.jwt_public_key)
    client = PyJWKClient(str(settings.jwt_jwks_url), cache_jwk_set=False, timeout=FETCH_SECONDS)
    return PublishedKeys(client.get_signing_keys)
