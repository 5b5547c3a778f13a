"""Settings of tenants and names of their active providers, as they were some seconds ago."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from ledger.errors import LedgerRefused
from producer.errors import UnavailableError
from producer.ledger_gateway import LedgerGateway
from schemas.statuses import Channel
from schemas.tenant_settings import TenantSettings

MAX_AGE_SECONDS = 5.0
"""Maximum age of what is known of a tenant, in seconds."""
MIN_AGE_SECONDS = 1.0
"""Age in seconds from which a tenant is read again for a name that is not known."""
MAX_TENANTS = 2_000
"""Maximum number of tenants that are remembered."""


class KnownProvider(NamedTuple):
    """Active provider of a tenant."""

    channel: Channel
    name: str
    reference: str


class ReadTenant(NamedTuple):
    """Settings and active providers of a tenant."""

    read_at: float
    settings: TenantSettings
    providers: list[KnownProvider]


class KnownProviders:
    """Settings and active providers of tenants. The ledger is read once in some seconds for each tenant."""

    def __init__(self, gateway: LedgerGateway, monotonic: Callable[[], float], max_tenants: int = MAX_TENANTS) -> None:
        self._gateway, self._monotonic, self._max_tenants = gateway, monotonic, max_tenants
        self._by_tenant: OrderedDict[str, ReadTenant] = OrderedDict()

    async def active(
        self, tenant_id: str, channel: Channel, max_age_seconds: float = MAX_AGE_SECONDS
    ) -> list[KnownProvider]:
        """Return the active providers of a channel, in the order in which they are called. Raises UnavailableError."""
        known = await self._tenant(tenant_id, max_age_seconds)
        return [each for each in known.providers if each.channel is channel]

    async def settings(self, tenant_id: str) -> TenantSettings:
        """Return the settings of a tenant. Raises UnavailableError."""
        return (await self._tenant(tenant_id, MAX_AGE_SECONDS)).settings

    async def has(self, tenant_id: str, channel: Channel, name: str) -> bool | None:
        """Return whether a channel has this own provider, or None if the tenant has none of its own there.

        Raises UnavailableError.
        """
        for max_age_seconds in (MAX_AGE_SECONDS, MIN_AGE_SECONDS):
            providers = await self.active(tenant_id, channel, max_age_seconds)
            if any(each.name == name for each in providers):
                return True
        return False if providers else None

    def forget(self, tenant_id: str) -> None:
        """Read a tenant again at the next question, because it was changed here."""
        self._by_tenant.pop(tenant_id, None)

    async def _tenant(self, tenant_id: str, max_age_seconds: float) -> ReadTenant:
        known = self._by_tenant.get(tenant_id)
        if known is None or self._monotonic() - known.read_at >= max_age_seconds:
            return await self._read(tenant_id)
        return known

    async def _read(self, tenant_id: str) -> ReadTenant:
        now = self._monotonic()
        try:
            stored = await self._gateway.query(lambda ledger: ledger.tenants.get(tenant_id))
        except LedgerRefused:
            raise UnavailableError("the settings of this tenant cannot be read") from None
        providers = [
            KnownProvider(channel, each.name, each.reference)
            for channel in Channel
            for each in stored.active_providers(channel)
        ]
        self._by_tenant[tenant_id] = known = ReadTenant(now, stored.settings, providers)
        self._by_tenant.move_to_end(tenant_id)
        if len(self._by_tenant) > self._max_tenants:
            self._by_tenant.popitem(last=False)
        return known
