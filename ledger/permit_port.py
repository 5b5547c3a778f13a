"""Port of the permits: limits that count across all processes."""

from typing import Protocol

from core.period_limits import PeriodLimits, TakenPermits
from core.rate_schedule import SlotLease


class Permits(Protocol):
    """Permits to send, one document for each limit. All times are those of the clock of the ledger."""

    async def lease_slots(self, key: str, per_second: float, slots: int, unused: int) -> SlotLease:
        """Lease slots of a rate to this process, and note how many earlier ones it could not use in time.

        No two leases share a slot. A repeat after LedgerUnavailable may lose the slots of the first call. Nothing takes
        a lease back, because its slots are over in some seconds.
        """

    async def take(self, key: str, limits: PeriodLimits, permits: int) -> TakenPermits:
        """Take permits of the current minute, hour and day. All processes together never get more than the limits."""

    async def give_back(self, key: str, taken: TakenPermits, permits: int) -> None:
        """Give back permits of which certainly no message was sent."""
