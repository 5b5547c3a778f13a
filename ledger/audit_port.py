"""Port of the audit log: what was done with the data of persons, and by whom. It has no address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

AUDIT_DAYS = 3 * 366
"""Retention of an entry in days."""


class AuditAction(StrEnum):
    """Action with the data of a person."""

    EXPORT = "export"
    ERASE = "erase"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action."""

    id: str
    tenant_id: str
    action: AuditAction
    actor: str
    """Subject of the token that asked for it."""
    person: str
    """Kind and keyed hash of the person: the end of the pseudonym in erased logs."""
    at: datetime
    counts: Mapping[str, int] = field(default_factory=dict)
    """Numbers by what was exported or erased. Empty until the action is done."""
    done_at: datetime | None = None
    """Time of the last pass of an erasure, or of the last line of an export."""


class AuditLog(Protocol):
    """Entries of all tenants, one document each. They are deleted after `AUDIT_DAYS`."""

    async def add(self, entry: AuditEntry) -> None:
        """Write an entry. A repeat changes nothing."""

    async def complete(self, entry_id: str, counts: Mapping[str, int], done_at: datetime) -> None:
        """Write the result of an action. An unknown id is ignored."""

    async def list(self, tenant_id: str, limit: int, before: datetime | None = None) -> list[AuditEntry]:
        """Return the newest entries of a tenant, or those before a time."""
