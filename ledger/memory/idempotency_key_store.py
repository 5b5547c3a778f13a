"""Idempotency keys in memory."""

from dataclasses import replace

from core.ids import RequestKey
from ledger.memory.store import Store
from ledger.models import IdempotencyRecord


class MemoryIdempotencyKeys:
    """Implements `ledger.ports.Keys`; forgets none of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def insert_or_get(self, taken: IdempotencyRecord) -> IdempotencyRecord:
        """Store it unless the key is taken; the answer is what stands."""
        if taken.key not in self._store.keys:
            self._store.keys[taken.key] = replace(taken, created_at=self._store.clock())
        return self._store.keys[taken.key]

    async def get(self, key: RequestKey) -> IdempotencyRecord | None:
        """What stands under a key."""
        return self._store.keys.get(key)
