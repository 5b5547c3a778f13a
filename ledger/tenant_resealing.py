"""Sealing of the providers and the keys of tenants with the newest key. They live longer than any request."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from ledger.errors import SealingError
from ledger.provider_configs import open_config, seal_config
from ledger.sealing import Sealer, key_id_of
from ledger.tenant_key import open_tenant_key, resealed_tenant_key
from ledger.tenant_port import StoredTenant, Tenants

MAX_TRIES = 5
"""Maximum number of times that the data of a tenant is sealed anew because another change came first."""


class ResealedPage(NamedTuple):
    """Result for some tenants."""

    last: str | None
    """Id of the last tenant of the page. None if there is none, which is the end."""
    resealed: int
    """Number of tenants whose data was sealed again."""
    missing_keys: Mapping[str, int]
    """Number of tenants that need a key which is not configured, or has other bytes, by the id of the key."""


class KeyCounts(NamedTuple):
    """Numbers of tenants by the id of a key."""

    needed: Mapping[str, int]
    missing: Mapping[str, int]
    """Those whose data the configured keys do not open."""


async def reseal_page(tenants: Tenants, sealer: Sealer, after: str = "", limit: int = 100) -> ResealedPage:
    """Seal the data of the next tenants with the newest key. Ids, versions and references stay."""
    resealed, last = 0, None
    missing = Counter[str]()
    for last, stored in await tenants.list_with_sealed(after, limit):
        resealed += await _reseal(tenants, last, stored, sealer)
        missing.update(_missing_keys(last, stored, sealer))
    return ResealedPage(last, resealed, missing)


async def count_keys(tenants: Tenants, sealer: Sealer) -> KeyCounts:
    """Return the keys that the providers and the keys of tenants need."""
    needed, missing, last = Counter[str](), Counter[str](), ""
    while page := await tenants.list_with_sealed(last):
        for last, stored in page:
            needed.update({key_id_of(sealed) for sealed in _sealed_values(stored)})
            missing.update(_missing_keys(last, stored, sealer))
    return KeyCounts(needed, missing)


def _sealed_values(stored: StoredTenant) -> list[bytes]:
    return [each.sealed for each in (*stored.providers, *((stored.key,) if stored.key else ()))]


def _missing_keys(tenant_id: str, stored: StoredTenant, sealer: Sealer) -> set[str]:
    missing = set()
    for provider in stored.providers:
        try:
            open_config(provider, tenant_id, sealer)
        except SealingError:
            missing.add(key_id_of(provider.sealed))
    if stored.key is not None:
        try:
            open_tenant_key(stored.key, tenant_id, sealer)
        except SealingError:
            missing.add(key_id_of(stored.key.sealed))
    return missing


async def _reseal(tenants: Tenants, tenant_id: str, stored: StoredTenant, sealer: Sealer) -> bool:
    """Seal the data of a tenant with the newest key. Return whether anything was written."""
    has_written = False
    for _ in range(MAX_TRIES):
        changed = _sealed_anew(tenant_id, stored, sealer)
        if changed.providers != stored.providers:
            is_stored = await tenants.put_providers(tenant_id, changed.providers, stored.version)
        elif changed.key is not None and changed.key != stored.key:
            is_stored = await tenants.put_key(tenant_id, changed.key, stored.version)
        else:
            return has_written
        has_written = has_written or is_stored
        stored = await tenants.get(tenant_id)
    return has_written  # the next round will find the rest


def _sealed_anew(tenant_id: str, stored: StoredTenant, sealer: Sealer) -> StoredTenant:
    providers, key = [], stored.key
    for provider in stored.providers:
        sealed = provider.sealed
        if key_id_of(sealed) != sealer.newest:
            with suppress(SealingError):  # its key is not configured
                sealed = seal_config(open_config(provider, tenant_id, sealer), tenant_id, provider.id, sealer)
        providers.append(provider._replace(sealed=sealed))
    if key is not None and key_id_of(key.sealed) != sealer.newest:
        with suppress(SealingError):
            key = resealed_tenant_key(key, tenant_id, sealer)
    return stored._replace(providers=tuple(providers), key=key)
