"""Port of the settings of tenants, of their own providers, and of their keys."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from schemas.statuses import Channel
from schemas.tenant_settings import TenantSettings


class StoredProvider(NamedTuple):
    """Provider of a tenant as it is stored."""

    id: str
    name: str
    """Name that the tenant gave to it. It is unique within the channel of the tenant."""
    channel: Channel
    priority: int
    is_active: bool
    version: int
    """Number of the configuration, from 1. Each change of the configuration has the next number."""
    sealed: bytes
    """Configuration, sealed by `ledger.provider_configs`."""
    created_at: datetime
    updated_at: datetime

    @property
    def reference(self) -> str:
        """Return what windows and logs store of the provider: `name@id.version`.

        No other configuration ever has it, neither of this provider nor of one that takes its name later. The name of a
        provider of the installation has no `@`.
        """
        return f"{self.name}@{self.id}.{self.version}"


class StoredTenantKey(NamedTuple):
    """Key of a tenant as it is stored. Its id and its bytes never change, and it is sealed again with newer keys."""

    id: str
    """Random id, which the ids of the tenant's suppressions begin with."""
    sealed: bytes
    """Key, sealed by `ledger.tenant_key`."""
    created_at: datetime


class StoredTenant(NamedTuple):
    """Settings and providers of a tenant as they are stored."""

    settings: TenantSettings
    version: int
    """Number of changes so far. It is 0 if the tenant has no settings, and then the defaults are returned."""
    providers: tuple[StoredProvider, ...] = ()
    key: StoredTenantKey | None = None
    """None until the first use. A tenant without a key has no suppressions."""

    def active_providers(self, channel: Channel) -> list[StoredProvider]:
        """Return the active providers of a channel, in the order in which they are called."""
        return in_call_order(each for each in self.providers if each.channel is channel and each.is_active)


def in_call_order(providers: Iterable[StoredProvider]) -> list[StoredProvider]:
    """Return providers by channel, and in the order in which they are called."""
    return sorted(providers, key=lambda each: (each.channel is not Channel.SMS, each.priority))


def provider_id_of(name: str) -> str | None:
    """Return the id of the provider that a reference is about, or None if the name is not a reference."""
    return name.rpartition("@")[2].rpartition(".")[0] if is_reference(name) else None


def is_reference(name: str) -> bool:
    """Return whether the name of a provider is the reference to one of a tenant."""
    return "@" in name


class Tenants(Protocol):
    """Settings, providers and keys of tenants, one document each."""

    async def get(self, tenant_id: str) -> StoredTenant:
        """Return what is stored of a tenant, as the primary has it. Raise LedgerRefused if it is not valid."""

    async def put(self, tenant_id: str, settings: TenantSettings, version: int) -> bool:
        """Store the settings if the stored version is still this one. Return whether they were stored."""

    async def put_providers(self, tenant_id: str, providers: Sequence[StoredProvider], version: int) -> bool:
        """Store all providers of a tenant if the stored version is still this one. Return whether they were stored."""

    async def put_key(self, tenant_id: str, key: StoredTenantKey, version: int) -> bool:
        """Store the key of a tenant if the stored version is still this one. Return whether it was stored."""

    async def list_with_sealed(self, after: str = "", limit: int = 100) -> list[tuple[str, StoredTenant]]:
        """Return tenants that have providers or a key, in the order of their ids, after an id.

        A tenant whose settings are not valid is left out.
        """

    async def find_provider(self, provider_id: str) -> tuple[str, StoredProvider] | None:
        """Return the tenant that has a provider with this id, and the provider, or None if no tenant has it.

        Raise LedgerRefused if what is stored of the tenant is not valid.
        """

    async def find_by_key(self, key_id: str) -> tuple[str, StoredTenantKey] | None:
        """Return the tenant whose key has this id, and the key, or None if no tenant has it.

        Raise LedgerRefused if what is stored of the tenant is not valid.
        """
