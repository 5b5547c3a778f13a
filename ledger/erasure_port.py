"""Port of the orders to erase the data of a person."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

ERASURE_DAYS = 90
"""Time in days for which a finished erasure still stops what was accepted before it.

It is longer than Kafka keeps a dead letter (30 days), and the intake record of its replay (7 days).
"""
LATE_WRITES = timedelta(minutes=15)
"""Time after which an erasure looks once more, for data that a process held in memory when it began."""


@dataclass(frozen=True, slots=True)
class ErasureTarget:
    """Target of the search of an erasure: a user, or a recipient by the hashes under all sealing keys."""

    user_id: str | None = field(default=None, repr=False)
    hashes: frozenset[bytes] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Erasure:
    """Order to erase the data of a person."""

    id: str
    """Id of the suppressions of the address, or `core.ids.user_erasure_id`. It has no plain value."""
    tenant_id: str
    before: datetime
    """Requests that were accepted until then are concerned."""
    target: ErasureTarget
    audit_id: str
    """Entry of the audit log that gets the counts."""
    last_pass_at: datetime
    """Time from which a pass that leaves nothing open ends the erasure."""
    tries: int = 0
    """Number of passes in a row that left something open."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Sum of the counts of all passes."""


class Erasures(Protocol):
    """Orders to erase data, one document for each person of a tenant. The sweepers carry them out."""

    async def start(self, erasure: Erasure) -> None:
        """Store an order that is due at once. It replaces an older one for the same person."""

    async def find(self, ids: Collection[str]) -> dict[str, datetime]:
        """Return `before` of the orders with these ids, finished ones included, as the primary has them."""

    async def find_since(self, tenant_id: str, accepted_at: datetime, limit: int) -> set[str]:
        """Return the ids of orders of a tenant that concern a request which was accepted then, at most `limit`.

        The primary answers. There are few of them, because an order concerns earlier requests only.
        """

    async def reopen(self, erasure_id: str, target: ErasureTarget, due_at: datetime, last_pass_at: datetime) -> None:
        """Let a finished order look again. One that is not finished stays as it is."""

    async def take_due(self, lease_seconds: float) -> Erasure | None:
        """Return the order that is due for longest, and make it due again after this time. Return None without one."""

    async def postpone(self, erasure: Erasure, due_at: datetime) -> bool:
        """Store tries and counts of an order, and when it is due again. Return False if a newer one replaced it."""

    async def finish(self, erasure: Erasure) -> bool:
        """Store the counts, forget the target, and keep the rest for `ERASURE_DAYS`. Return False if it was replaced.

        A repeat returns True.
        """
