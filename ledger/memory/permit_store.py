"""Permits in memory."""

from typing_extensions import override

from core.period_limits import PeriodLimits, TakenPermits, return_permits, take_permits
from core.rate_schedule import Schedule, SlotLease, lease_slots
from ledger.memory.store import Store
from ledger.permit_port import Permits


class MemoryPermits(Permits):
    """Permits in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def lease_slots(self, key: str, per_second: float, slots: int, unused: int) -> SlotLease:
        schedule = self._store.schedules.get(key, Schedule())
        self._store.schedules[key], lease = lease_slots(schedule, self._now(), per_second, slots, unused)
        return lease

    @override
    async def take(self, key: str, limits: PeriodLimits, permits: int) -> TakenPermits:
        used = self._store.used_permits.get(key, {})
        self._store.used_permits[key], taken = take_permits(used, self._now(), limits, permits)
        return taken

    @override
    async def give_back(self, key: str, taken: TakenPermits, permits: int) -> None:
        self._store.used_permits[key] = return_permits(self._store.used_permits[key], taken, permits)

    def _now(self) -> float:
        return self._store.clock().timestamp()
