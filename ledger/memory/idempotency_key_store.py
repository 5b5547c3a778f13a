"""Idempotency keys in memory."""

from dataclasses import replace

from typing_extensions import override

from core.ids import RequestKey
from ledger.idempotency_record import IdempotencyRecord
from ledger.memory.store import Store
from ledger.ports import IdempotencyKeys


class MemoryIdempotencyKeys(IdempotencyKeys):
    """Idempotency keys in memory. They are never deleted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def insert_or_get(self, record: IdempotencyRecord) -> IdempotencyRecord:
        if record.key not in self._store.keys:
            self._store.keys[record.key] = replace(record, created_at=self._store.clock())
        return self._store.keys[record.key]

    @override
    async def get(self, key: RequestKey) -> IdempotencyRecord | None:
        return self._store.keys.get(key)
