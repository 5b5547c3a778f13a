"""Audit log in memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from typing_extensions import override

from ledger.audit_port import AuditEntry, AuditLog
from ledger.memory.store import Store


class MemoryAuditLog(AuditLog):
    """Entries in memory. They are never deleted."""

    def __init__(self, store: Store) -> None:
        self._entries = store.audit

    @override
    async def add(self, entry: AuditEntry) -> None:
        self._entries.setdefault(entry.id, entry)

    @override
    async def complete(self, entry_id: str, counts: Mapping[str, int], done_at: datetime) -> None:
        if entry := self._entries.get(entry_id):
            self._entries[entry_id] = replace(entry, counts=dict(counts), done_at=done_at)

    @override
    async def list(self, tenant_id: str, limit: int, before: datetime | None = None) -> list[AuditEntry]:
        found = [each for each in self._entries.values() if each.tenant_id == tenant_id]
        found = [each for each in found if before is None or each.at < before]
        return sorted(found, key=lambda each: (each.at, each.id), reverse=True)[:limit]
