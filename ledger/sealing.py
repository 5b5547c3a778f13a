"""Sealing: AES-256-GCM with the key's id in front, and keyed hashes of addresses and bodies (I9).

Sealed bytes are: one byte length of the key id, the key id, 12 bytes nonce, ciphertext with its 16 byte tag (NIST SP
800-38D). The name of what is sealed is authenticated too, so that sealed bytes cannot be moved elsewhere.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import SealingError

HASH_BYTES = 16
_NONCE_BYTES = 12


class Sealer:
    """Seals with the newest key, opens with any of them."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self.newest = keys[0][0]
        """The id of the key that new things are sealed and hashed with."""
        self._ciphers = {name: AESGCM(key) for name, key in keys}
        self._hash_keys = {
            name: hashlib.blake2b(b"rollcall hash", key=key, digest_size=32).digest() for name, key in keys
        }

    def __repr__(self) -> str:
        return f"Sealer(newest={self.newest})"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """All key ids, newest first."""
        return tuple(self._ciphers)

    def seal(self, plain: bytes, name: str) -> bytes:
        """Seal bytes under the name of the place where they will lie."""
        nonce = os.urandom(_NONCE_BYTES)
        header = self.newest.encode()
        return bytes([len(header)]) + header + nonce + self._ciphers[self.newest].encrypt(nonce, plain, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """What was sealed under this name; raises SealingError."""
        start = 1 + sealed[0] if sealed else 0
        key_id = sealed[1:start].decode("ascii", "replace")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealingError(f"no sealing key {key_id!r}")
        try:
            return cipher.decrypt(sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :], name.encode())
        except (InvalidTag, ValueError):
            raise SealingError(f"sealed with key {key_id!r}, and altered or moved since") from None

    def hash(self, value: bytes, key_id: str) -> bytes:
        """The keyed hash of an address or a body, 16 bytes; keyed BLAKE2b (RFC 7693)."""
        key = self._hash_keys.get(key_id)
        if key is None:
            raise SealingError(f"no sealing key {key_id!r}")
        return hashlib.blake2b(value, key=key, digest_size=HASH_BYTES).digest()


Sealed = tuple[str, Mapping[str, str]]
"""A recipient as it lies in a chunk: normalised address (as given, where it is none) and variables."""


def seal_recipients(sealer: Sealer, chunk_id: str, recipients: Sequence[tuple[str, Mapping[str, str]]]) -> bytes:
    """Seal the addresses and variables of one chunk."""
    return sealer.seal(orjson.dumps([[to, variables] if variables else [to] for to, variables in recipients]), chunk_id)


def open_recipients(sealer: Sealer, chunk_id: str, sealed: bytes) -> list[Sealed]:
    """The addresses and variables of one chunk, in order; raises SealingError."""
    return [(item[0], item[1] if len(item) > 1 else {}) for item in orjson.loads(sealer.open(sealed, chunk_id))]
