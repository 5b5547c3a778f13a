"""Suppressions in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from typing_extensions import override

from ledger.memory.store import Store
from ledger.suppression_changes import plan_additions, without
from ledger.suppression_port import Addition, Entries, NewSuppression, StoredSuppression, Suppressions
from schemas.statuses import SuppressionReason


class MemorySuppressions(Suppressions):
    """Suppressions in memory."""

    def __init__(self, store: Store) -> None:
        self._store, self._stored = store, store.suppressions

    @override
    async def find(self, ids: Collection[str]) -> dict[str, Entries]:
        return {each: self._stored[each].entries for each in ids if each in self._stored}

    @override
    async def get(self, suppression_id: str) -> StoredSuppression | None:
        return self._stored.get(suppression_id)

    @override
    async def add(self, suppressions: Sequence[NewSuppression]) -> list[Addition]:
        known = await self.find({each.id for each in suppressions})
        plan = plan_additions(known, suppressions, self._store.clock())
        for changed in plan.changed.values():
            stored = self._stored.get(changed.id, changed)
            self._stored[changed.id] = replace(stored, entries=changed.entries)
        return plan.results

    @override
    async def remove(self, suppression_id: str, scope: str | None, reason: SuppressionReason | None) -> int:
        stored = self._stored.get(suppression_id)
        if stored is None:
            return 0
        left = without(stored.entries, scope, reason)
        if left:
            self._stored[suppression_id] = replace(stored, entries=left)
        else:
            del self._stored[suppression_id]
        return len(stored.entries) - len(left)

    @override
    async def erase_address(self, suppression_id: str) -> bool:
        stored = self._stored.get(suppression_id)
        if stored is None or not stored.sealed:
            return False
        self._stored[suppression_id] = replace(stored, sealed=b"")
        return True

    @override
    async def list_range(self, after: str, before: str, limit: int) -> list[StoredSuppression]:
        return [self._stored[each] for each in sorted(self._stored) if after < each < before][:limit]
