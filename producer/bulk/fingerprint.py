"""What tells one order from another under the same `Idempotency-Key`."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

_DECIDED = frozenset({"accepted_at", "template_version", "schema_version"})
"""What a record says and a caller did not."""


class Fingerprint:
    """A digest of what was asked for and for whom, however its JSON was written."""

    def __init__(self, head: Mapping[str, Any]) -> None:
        self._hash = hashlib.sha256()
        self.add({name: value for name, value in head.items() if name not in _DECIDED})

    def add(self, said: str | Mapping[str, Any]) -> None:
        """Go on with the next recipient."""
        self._hash.update(orjson.dumps(said, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))

    def digest(self) -> bytes:
        """32 bytes."""
        return self._hash.digest()
