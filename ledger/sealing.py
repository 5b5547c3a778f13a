"""Sealing with AES-256-GCM, and keyed hashes of addresses and bodies (I9).

Sealed bytes are: one byte length of the key id, the key id, 12 bytes nonce, ciphertext with its 16 byte tag (NIST SP
800-38D). The name of the sealed value is authenticated too, so that the bytes cannot be moved to another place.
"""

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import SealingError

HASH_BYTES = 16
"""Length of a keyed hash in bytes."""

_NONCE_BYTES = 12


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key that sealed these bytes."""
    return sealed[1 : 1 + sealed[0]].decode("ascii", "replace") if sealed else ""


class Sealer:
    """Sealing keys. The newest one seals, and any of them opens."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self.newest = keys[0][0]
        """Id of the key that seals and hashes new values."""
        self.seals = 0
        """Number of values that this process sealed. A key may seal 2^32 values (NIST SP 800-38D, section 8.3)."""
        self._ciphers = {name: AESGCM(key) for name, key in keys}
        self._hash_keys = {
            name: hashlib.blake2b(b"rollcall hash", key=key, digest_size=32).digest() for name, key in keys
        }

    def __repr__(self) -> str:
        return f"Sealer(newest={self.newest})"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Return all key ids, newest first."""
        return tuple(self._ciphers)

    def seal(self, plain: bytes, name: str) -> bytes:
        """Seal bytes under the name of the value."""
        self.seals += 1
        nonce = os.urandom(_NONCE_BYTES)
        key_id = self.newest.encode()
        return bytes([len(key_id)]) + key_id + nonce + self._ciphers[self.newest].encrypt(nonce, plain, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """Open bytes that were sealed under this name. Raise SealingError."""
        start = 1 + sealed[0] if sealed else 0
        key_id = key_id_of(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealingError(f"no sealing key {key_id!r}")
        try:
            return cipher.decrypt(sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :], name.encode())
        except (InvalidTag, ValueError):
            raise SealingError(
                f"sealed with key {key_id!r}, and changed or moved since, or this key has other bytes"
            ) from None

    def hash(self, value: bytes, key_id: str) -> bytes:
        """Return the keyed hash of an address or a body: 16 bytes of keyed BLAKE2b (RFC 7693)."""
        key = self._hash_keys.get(key_id)
        if key is None:
            raise SealingError(f"no sealing key {key_id!r}")
        return hashlib.blake2b(value, key=key, digest_size=HASH_BYTES).digest()
