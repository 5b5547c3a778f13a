"""Settings of the tenants that this process works for, as they were some seconds ago."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from consumer.logger import logger
from core.period_limits import PeriodLimits
from core.tenant_limits import limits_in_effect
from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.tenant_port import Tenants
from schemas.statuses import Channel
from schemas.tenant_settings import TenantLimits, TenantSettings

MAX_AGE_SECONDS = 5.0
"""Maximum age of the settings of a tenant, in seconds."""
LONGEST_READ_SECONDS = 1.0
"""Maximum time for which a window waits for newer settings, in seconds. Then it uses those that are known."""
MAX_TENANTS = 10_000
"""Maximum number of tenants in the cache."""


class KnownTenant(NamedTuple):
    """Settings of a tenant, and what follows from them."""

    settings: TenantSettings
    limits: dict[Channel, PeriodLimits]
    """Limits in effect, by channel."""
    read_at: float


class TenantCache:
    """Cache of the settings, bounded in age and number."""

    def __init__(self, tenants: Tenants, bounds: TenantLimits, monotonic: Callable[[], float]) -> None:
        self._tenants, self._bounds, self._monotonic = tenants, bounds, monotonic
        self._entries: dict[str, KnownTenant] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}

    def known(self, tenant_id: str) -> KnownTenant | None:
        """Return the settings as they were loaded last, or None."""
        return self._entries.get(tenant_id)

    async def load(self, tenant_id: str) -> None:
        """Read the settings of a tenant unless they are known. Raise LedgerUnavailable if there are none to use."""
        entry = self._entries.get(tenant_id)
        if entry is not None and self._monotonic() - entry.read_at < MAX_AGE_SECONDS:
            return
        task = self._loading.get(tenant_id)
        if task is None:
            task = self._loading[tenant_id] = asyncio.create_task(self._load(tenant_id))
            task.add_done_callback(lambda _: self._loading.pop(tenant_id, None))
        if entry is None:
            await asyncio.shield(task)
        else:
            await asyncio.wait({task}, timeout=LONGEST_READ_SECONDS)

    async def _load(self, tenant_id: str) -> None:
        read_at, known = self._monotonic(), self._entries.get(tenant_id)
        try:
            settings = (await self._tenants.get(tenant_id)).settings
        except LedgerRefused as error:
            logger.warning("settings of a tenant not used", tenant_id=tenant_id, reason=str(error))
            settings = TenantSettings()
        except LedgerUnavailable:
            if known is None:
                raise
            settings = known.settings  # A window that was begun is sent while MongoDB is away.
        self._entries.pop(tenant_id, None)  # The entry that was read last comes last.
        limits = {channel: limits_in_effect(settings.limits, self._bounds, channel) for channel in Channel}
        self._entries[tenant_id] = KnownTenant(settings, limits, read_at)
        if len(self._entries) > MAX_TENANTS:
            del self._entries[next(iter(self._entries))]
