"""Settings, providers and keys of tenants in memory."""

from collections.abc import Sequence

from typing_extensions import override

from ledger.memory.store import Store
from ledger.tenant_port import StoredProvider, StoredTenant, StoredTenantKey, Tenants
from schemas.tenant_settings import TenantSettings


class MemoryTenants(Tenants):
    """Settings, providers and keys of tenants in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def get(self, tenant_id: str) -> StoredTenant:
        return self._stored(tenant_id)

    @override
    async def put(self, tenant_id: str, settings: TenantSettings, version: int) -> bool:
        stored = self._stored(tenant_id)
        return self._put(tenant_id, stored._replace(settings=settings), version)

    @override
    async def put_providers(self, tenant_id: str, providers: Sequence[StoredProvider], version: int) -> bool:
        stored = self._stored(tenant_id)
        return self._put(tenant_id, stored._replace(providers=tuple(providers)), version)

    @override
    async def put_key(self, tenant_id: str, key: StoredTenantKey, version: int) -> bool:
        return self._put(tenant_id, self._stored(tenant_id)._replace(key=key), version)

    @override
    async def list_with_sealed(self, after: str = "", limit: int = 100) -> list[tuple[str, StoredTenant]]:
        stored = sorted(
            (tenant_id, each) for tenant_id, each in self._store.tenants.items() if each.providers or each.key
        )
        return [(tenant_id, each) for tenant_id, each in stored if tenant_id > after][:limit]

    @override
    async def find_provider(self, provider_id: str) -> tuple[str, StoredProvider] | None:
        for tenant_id, stored in self._store.tenants.items():
            for provider in stored.providers:
                if provider.id == provider_id:
                    return tenant_id, provider
        return None

    @override
    async def find_by_key(self, key_id: str) -> tuple[str, StoredTenantKey] | None:
        for tenant_id, stored in self._store.tenants.items():
            if stored.key is not None and stored.key.id == key_id:
                return tenant_id, stored.key
        return None

    def _put(self, tenant_id: str, changed: StoredTenant, version: int) -> bool:
        if changed.version != version:
            return False
        self._store.tenants[tenant_id] = changed._replace(version=version + 1)
        return True

    def _stored(self, tenant_id: str) -> StoredTenant:
        return self._store.tenants.get(tenant_id, StoredTenant(TenantSettings(), 0))
