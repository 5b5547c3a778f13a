"""Fingerprint of a request. It tells different requests under the same `Idempotency-Key` apart."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

_SET_BY_SERVICE = frozenset({"accepted_at", "template_version", "schema_version"})
"""Fields of a record that the service sets, and not the caller."""


class Fingerprint:
    """A digest of the request and its user. It does not depend on the form of the JSON."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._hash = hashlib.sha256()
        self.add({name: value for name, value in fields.items() if name not in _SET_BY_SERVICE})

    def add(self, recipient: str | Mapping[str, Any]) -> None:
        """Add the next recipient."""
        self._hash.update(orjson.dumps(recipient, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))

    def digest(self) -> bytes:
        """Return the digest, 32 bytes long."""
        return self._hash.digest()
