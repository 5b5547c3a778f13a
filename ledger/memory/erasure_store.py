"""Orders to erase data in memory."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from typing_extensions import override

from ledger.erasure_port import Erasure, Erasures, ErasureTarget
from ledger.memory.store import Store


class MemoryErasures(Erasures):
    """Orders in memory. They are never deleted."""

    def __init__(self, store: Store) -> None:
        self._store, self._orders, self._due = store, store.erasures, store.due_erasures

    @override
    async def start(self, erasure: Erasure) -> None:
        self._orders[erasure.id] = replace(erasure, tries=0, counts={})
        self._due[erasure.id] = self._store.clock()

    @override
    async def find(self, ids: Collection[str]) -> dict[str, datetime]:
        return {each: self._orders[each].before for each in ids if each in self._orders}

    @override
    async def find_since(self, tenant_id: str, accepted_at: datetime, limit: int) -> set[str]:
        orders = self._orders.values()
        return {each.id for each in [o for o in orders if o.tenant_id == tenant_id and o.before >= accepted_at][:limit]}

    @override
    async def reopen(self, erasure_id: str, target: ErasureTarget, due_at: datetime, last_pass_at: datetime) -> None:
        stored = self._orders.get(erasure_id)
        if stored is not None and erasure_id not in self._due:
            self._orders[erasure_id] = replace(stored, target=target, last_pass_at=last_pass_at, tries=0)
            self._due[erasure_id] = due_at

    @override
    async def take_due(self, lease_seconds: float) -> Erasure | None:
        now = self._store.clock()
        due = [name for name, at in self._due.items() if at <= now]
        if not due:
            return None
        name = min(due, key=self._due.__getitem__)
        self._due[name] = now + timedelta(seconds=lease_seconds)
        return self._orders[name]

    @override
    async def postpone(self, erasure: Erasure, due_at: datetime) -> bool:
        if erasure.id not in self._due or not self._is_same(erasure):
            return False
        self._orders[erasure.id] = replace(self._orders[erasure.id], tries=erasure.tries, counts=dict(erasure.counts))
        self._due[erasure.id] = due_at
        return True

    @override
    async def finish(self, erasure: Erasure) -> bool:
        if not self._is_same(erasure):
            return False
        self._orders[erasure.id] = replace(erasure, target=ErasureTarget(), counts=dict(erasure.counts))
        self._due.pop(erasure.id, None)
        return True

    def _is_same(self, erasure: Erasure) -> bool:
        stored = self._orders.get(erasure.id)
        return stored is not None and stored.audit_id == erasure.audit_id
