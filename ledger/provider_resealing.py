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
    """Number of tenants that need a key which is not configured, by the id of the key."""


async def reseal_page(tenants: Tenants, sealer: Sealer, after: str = "", limit: int = 100) -> ResealedPage:
    """Seal the configurations of the next tenants with the newest key. Ids, versions and references stay."""
    resealed, last = 0, None
    missing = Counter[str]()
    for last, stored in await tenants.list_with_providers(after, limit):
        resealed += await _reseal(tenants, last, stored, sealer)
        missing.update(needed_keys(stored) - set(sealer.key_ids))
    return ResealedPage(last, resealed, missing)


async def count_needed_keys(tenants: Tenants) -> Counter[str]:
    """Return the number of tenants whose providers need a key, by the id of the key."""
    counts, last = Counter[str](), ""
    while page := await tenants.list_with_providers(last):
        for _, stored in page:
            counts.update(needed_keys(stored))
        last = page[-1][0]
    return counts


def needed_keys(stored: StoredTenant) -> set[str]:
    """Return the ids of the keys that the providers of a tenant are sealed with."""
    return {key_id_of(provider.sealed) for provider in stored.providers}


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
