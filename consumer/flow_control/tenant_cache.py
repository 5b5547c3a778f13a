"""Settings, own providers and keys of the tenants that this process works for, as they were some seconds ago."""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from consumer.logger import logger
from core.period_limits import PeriodLimits
from core.tenant_limits import limits_in_effect
from ledger.errors import LedgerRefused, LedgerUnavailable
from ledger.tenant_port import StoredProvider, StoredTenantKey, Tenants, in_call_order
from schemas.statuses import Channel
from schemas.tenant_settings import TenantLimits, TenantSettings

MAX_AGE_SECONDS = 5.0
"""Maximum age of the settings of a tenant, in seconds."""
LONGEST_READ_SECONDS = 1.0
"""Maximum time for which a window waits for newer settings, in seconds. Then it uses those that are known."""
MAX_TENANTS = 10_000
"""Maximum number of tenants in the cache."""

OwnProviders = tuple[StoredProvider, ...]
"""Active providers of a tenant. The one with the lowest priority number comes first."""


class KnownTenant(NamedTuple):
    """Settings of a tenant, and what follows from them."""

    settings: TenantSettings
    limits: dict[Channel, PeriodLimits]
    """Limits in effect, by channel."""
    providers: OwnProviders | None
    """None if the tenant may have some that this process cannot read. The object stays the same until they change."""
    read_at: float
    tried_at: float
    """Time of the last read, also of one that failed."""
    key: StoredTenantKey | None = None
    """None if the tenant had no key then, and so no suppressions. A new key is in use only after `MAX_AGE_SECONDS`."""


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
        """Read the settings of a tenant unless they are known. Raise LedgerUnavailable if there are none to use.

        If MongoDB does not answer, those that are known stay in use. A window that was begun is sent then.
        """
        entry = self._entries.get(tenant_id)
        if entry is None:
            await asyncio.shield(self._start(tenant_id))
        elif self._monotonic() - entry.tried_at >= MAX_AGE_SECONDS:
            await asyncio.wait({self._start(tenant_id)}, timeout=LONGEST_READ_SECONDS)

    async def load_current(self, tenant_id: str) -> None:
        """Read the settings of a tenant unless they are recent. Raise LedgerUnavailable if they cannot be read.

        This goes before each choice of a provider, because an old choice may be one that the tenant has taken back.
        """
        entry = self._entries.get(tenant_id)
        if entry is None or self._monotonic() - entry.read_at >= MAX_AGE_SECONDS:
            await asyncio.shield(self._start(tenant_id))

    async def load_again(self, tenant_id: str) -> None:
        """Read the settings of a tenant anew. Raise LedgerUnavailable if they cannot be read."""
        if begun := self._loading.get(tenant_id):  # before the change that the caller looks for, perhaps
            await asyncio.wait({begun})
        await asyncio.shield(self._start(tenant_id))

    def _start(self, tenant_id: str) -> asyncio.Task[None]:
        task = self._loading.get(tenant_id)
        if task is None or task.done():  # its callback may not have run yet, and to wait for it again takes no turn
            task = self._loading[tenant_id] = asyncio.create_task(self._load(tenant_id))
            task.add_done_callback(lambda done: self._ended(tenant_id, done))
        return task

    def _ended(self, tenant_id: str, task: asyncio.Task[None]) -> None:
        if self._loading.get(tenant_id) is task:
            del self._loading[tenant_id]
        if not task.cancelled():
            task.exception()  # asyncio would log an error that no caller waits for.

    async def _load(self, tenant_id: str) -> None:
        read_at, known = self._monotonic(), self._entries.get(tenant_id)
        providers: OwnProviders | None = None
        key = known.key if known else None  # It never changes, and people who opted out depend on it.
        try:
            stored = await self._tenants.get(tenant_id)
            settings, providers, key = stored.settings, _active(stored.providers), stored.key
        except LedgerRefused as error:
            logger.warning("settings of a tenant not used", tenant_id=tenant_id, reason=str(error))
            settings = TenantSettings()
        except LedgerUnavailable:
            if known is not None:
                self._entries[tenant_id] = known._replace(tried_at=read_at)
            raise
        if known is not None and known.providers == providers:
            providers = known.providers
        self._entries.pop(tenant_id, None)  # The entry that was read last comes last.
        limits = {channel: limits_in_effect(settings.limits, self._bounds, channel) for channel in Channel}
        self._entries[tenant_id] = KnownTenant(settings, limits, providers, read_at, read_at, key)
        if len(self._entries) > MAX_TENANTS:
            del self._entries[next(iter(self._entries))]


def _active(providers: Iterable[StoredProvider]) -> OwnProviders:
    return tuple(in_call_order(each for each in providers if each.is_active))
