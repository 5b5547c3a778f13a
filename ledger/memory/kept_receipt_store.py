"""Kept receipts in memory."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from typing_extensions import override

from ledger.memory.store import Store
from ledger.receipt_port import KeptReceipt, KeptReceipts, pause_after


class MemoryKeptReceipts(KeptReceipts):
    """Kept receipts in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def keep(self, sealed: Mapping[str, bytes]) -> None:
        now = self._store.clock()
        for name, each in sealed.items():
            self._store.receipts.setdefault(name, (KeptReceipt(name, each, now, 0), now + pause_after(0)))

    @override
    async def claim_due(self, limit: int, lease_seconds: float) -> list[KeptReceipt]:
        kept, now = self._store.receipts, self._store.clock()
        due = sorted((at, name) for name, (_, at) in kept.items() if at <= now)[:limit]
        claimed = [kept[name][0]._replace(tries=kept[name][0].tries + 1) for _, name in due]
        kept.update({each.id: (each, now + timedelta(seconds=lease_seconds)) for each in claimed})
        return claimed

    @override
    async def postpone(self, receipts: Sequence[KeptReceipt]) -> None:
        kept, now = self._store.receipts, self._store.clock()
        kept.update({each.id: (each, now + pause_after(each.tries)) for each in receipts if each.id in kept})

    @override
    async def delete(self, ids: Collection[str]) -> None:
        for name in ids:
            self._store.receipts.pop(name, None)

    @override
    async def count(self) -> int:
        return len(self._store.receipts)
