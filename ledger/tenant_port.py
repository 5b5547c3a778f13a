"""Port of the settings of tenants."""

from typing import NamedTuple, Protocol

from schemas.tenant_settings import TenantSettings


class StoredTenant(NamedTuple):
    """Settings of a tenant as they are stored."""

    settings: TenantSettings
    version: int
    """Number of changes so far. It is 0 if the tenant has no settings, and then the defaults are returned."""


class Tenants(Protocol):
    """Settings of tenants, one document each."""

    async def get(self, tenant_id: str) -> StoredTenant:
        """Return the settings of a tenant as the primary has them. Raise LedgerRefused if they are not valid."""

    async def put(self, tenant_id: str, settings: TenantSettings, version: int) -> bool:
        """Store the settings if the stored version is still this one. Return whether they were stored."""
