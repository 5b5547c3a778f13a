"""Access to the stored providers of a tenant. A change counts only if nothing changed since they were read."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ledger.errors import LedgerRefused
from ledger.ports import Ledger
from ledger.tenant_port import StoredProvider, StoredTenant
from producer.dependencies import Dependencies
from producer.errors import UnavailableError

MAX_TRIES = 10
"""Maximum number of times that a change is made anew because another one came first."""

T = TypeVar("T")


async def read_providers(deps: Dependencies, tenant_id: str) -> tuple[StoredProvider, ...]:
    """Return the providers of a tenant as they are stored now. Raises UnavailableError."""
    return (await _query(deps, lambda ledger: ledger.tenants.get(tenant_id))).providers


async def change_providers(
    deps: Dependencies, tenant_id: str, change: Callable[[Ledger, StoredTenant], tuple[StoredProvider, ...]]
) -> tuple[StoredProvider, ...]:
    """Store what `change` returns for the stored providers, and return it. Raises ApiError.

    After an UnavailableError the change may have been stored.
    """

    async def apply(ledger: Ledger) -> tuple[StoredProvider, ...]:
        for _ in range(MAX_TRIES):
            stored = await ledger.tenants.get(tenant_id)
            providers = change(ledger, stored)
            if providers == stored.providers:
                return providers
            if await ledger.tenants.put_providers(tenant_id, providers, stored.version):
                return providers
        raise UnavailableError("the settings of this tenant change too often at the moment. Nothing was changed.")

    try:
        return await _query(deps, apply)
    finally:
        deps.providers.own.forget(tenant_id)


async def _query(deps: Dependencies, operation: Callable[[Ledger], Awaitable[T]]) -> T:
    try:
        return await deps.gateway.query(operation)
    except LedgerRefused:
        raise UnavailableError("the settings of this tenant cannot be read by this version of rollcall") from None
