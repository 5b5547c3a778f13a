"""Settings of tenants in memory."""

from typing_extensions import override

from ledger.memory.store import Store
from ledger.tenant_port import StoredTenant, Tenants
from schemas.tenant_settings import TenantSettings


class MemoryTenants(Tenants):
    """Settings of tenants in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def get(self, tenant_id: str) -> StoredTenant:
        return self._stored(tenant_id)

    @override
    async def put(self, tenant_id: str, settings: TenantSettings, version: int) -> bool:
        if self._stored(tenant_id).version != version:
            return False
        self._store.tenants[tenant_id] = StoredTenant(settings, version + 1)
        return True

    def _stored(self, tenant_id: str) -> StoredTenant:
        return self._store.tenants.get(tenant_id, StoredTenant(TenantSettings(), 0))
