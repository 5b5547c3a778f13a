"""Sealing of the configurations of tenants' providers with the newest key. They live longer than any request."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from ledger.errors import SealingError
from ledger.provider_configs import open_config, seal_config
from ledger.sealing import Sealer, key_id_of
from ledger.tenant_port import StoredTenant, Tenants

MAX_TRIES = 5
"""Maximum number of times that the providers of a tenant are sealed anew because another change came first."""


class ResealedPage(NamedTuple):
    """Result for some tenants."""

    last: str | None
    """Id of the last tenant of the page. None if there is none, which is the end."""
    resealed: int
    """Number of tenants whose providers were sealed again."""
    missing_keys: Mapping[str, int]
    """Number of tenants that need a key which is not configured, or has other bytes, by the id of the key."""


class KeyCounts(NamedTuple):
    """Numbers of tenants by the id of a key."""

    needed: Mapping[str, int]
    missing: Mapping[str, int]
    """Those whose configurations the configured keys do not open."""


async def reseal_page(tenants: Tenants, sealer: Sealer, after: str = "", limit: int = 100) -> ResealedPage:
    """Seal the configurations of the next tenants with the newest key. Ids, versions and references stay."""
    resealed, last = 0, None
    missing = Counter[str]()
    for last, stored in await tenants.list_with_providers(after, limit):
        resealed += await _reseal(tenants, last, stored, sealer)
        missing.update(_missing_keys(last, stored, sealer))
    return ResealedPage(last, resealed, missing)


async def count_keys(tenants: Tenants, sealer: Sealer) -> KeyCounts:
    """Return the keys that the providers of tenants need."""
    needed, missing, last = Counter[str](), Counter[str](), ""
    while page := await tenants.list_with_providers(last):
        for last, stored in page:
            needed.update({key_id_of(provider.sealed) for provider in stored.providers})
            missing.update(_missing_keys(last, stored, sealer))
    return KeyCounts(needed, missing)


def _missing_keys(tenant_id: str, stored: StoredTenant, sealer: Sealer) -> set[str]:
    missing = set()
    for provider in stored.providers:
        try:
            open_config(provider, tenant_id, sealer)
        except SealingError:
            missing.add(key_id_of(provider.sealed))
    return missing


async def _reseal(tenants: Tenants, tenant_id: str, stored: StoredTenant, sealer: Sealer) -> bool:
    for _ in range(MAX_TRIES):
        changed = _sealed_anew(tenant_id, stored, sealer)
        if changed == stored:
            return False
        if await tenants.put_providers(tenant_id, changed.providers, stored.version):
            return True
        stored = await tenants.get(tenant_id)
    return False  # the next round will find it


def _sealed_anew(tenant_id: str, stored: StoredTenant, sealer: Sealer) -> StoredTenant:
    providers = []
    for provider in stored.providers:
        sealed = provider.sealed
        if key_id_of(sealed) != sealer.newest:
            with suppress(SealingError):  # its key is not configured
                sealed = seal_config(open_config(provider, tenant_id, sealer), tenant_id, provider.id, sealer)
        providers.append(provider._replace(sealed=sealed))
    return stored._replace(providers=tuple(providers))
