"""Key of a tenant. It does not rotate, so that what is hashed with it is found as long as the tenant exists.

The key is 32 random bytes. It is stored in the document of the tenant, sealed with the sealing keys, and only that
sealing is renewed when they rotate (ledger/tenant_resealing.py). It is used through subkeys alone.
"""

import hashlib
import os
from datetime import datetime, timedelta

from core.ids import tenant_key_id
from ledger.errors import LedgerUnavailable
from ledger.sealing import Sealer
from ledger.tenant_port import StoredTenantKey, Tenants

KEY_BYTES = 32
"""Length of a tenant key in bytes."""
SETTLING = timedelta(seconds=8)
"""Time after its creation until all consumers know a tenant key.

A consumer remembers for up to 5 s that a tenant has none, and looks for no suppressions of it. The rest is for a slow
read, and for the difference between two estimates of MongoDB's clock.
"""
MAX_TRIES = 10
"""Maximum number of times that the key of a tenant is stored anew because another change came first."""


class TenantKey:
    """Opened key of a tenant."""

    def __init__(self, key_id: str, key: bytes) -> None:
        self.id = key_id
        self._key = key

    def __repr__(self) -> str:
        return f"TenantKey({self.id})"

    def subkey(self, purpose: bytes) -> bytes:
        """Return the key of 32 bytes for one purpose: keyed BLAKE2b (RFC 7693) of its name."""
        return hashlib.blake2b(purpose, key=self._key, digest_size=KEY_BYTES).digest()


def open_tenant_key(stored: StoredTenantKey, tenant_id: str, sealer: Sealer) -> TenantKey:
    """Open the key of a tenant. Raise SealingError, for one without its sealing key."""
    return TenantKey(stored.id, sealer.open(stored.sealed, _name(tenant_id, stored.id)))


def seal_tenant_key(key: bytes, key_id: str, tenant_id: str, created_at: datetime, sealer: Sealer) -> StoredTenantKey:
    """Return a key as it is stored."""
    return StoredTenantKey(key_id, sealer.seal(key, _name(tenant_id, key_id)), created_at)


def resealed_tenant_key(stored: StoredTenantKey, tenant_id: str, sealer: Sealer) -> StoredTenantKey:
    """Return a key that is sealed with the newest sealing key. Raise SealingError."""
    name = _name(tenant_id, stored.id)
    return stored._replace(sealed=sealer.seal(sealer.open(stored.sealed, name), name))


async def get_or_create_key(tenants: Tenants, tenant_id: str, sealer: Sealer, now: datetime) -> StoredTenantKey:
    """Return the key of a tenant. Create it if this is the first use."""
    for _ in range(MAX_TRIES):
        stored = await tenants.get(tenant_id)
        if stored.key is not None:
            return stored.key
        created = seal_tenant_key(os.urandom(KEY_BYTES), tenant_key_id(os.urandom(10)), tenant_id, now, sealer)
        if await tenants.put_key(tenant_id, created, stored.version):
            return created
    raise LedgerUnavailable("the settings of the tenant change too often")


async def find_tenant_key(tenants: Tenants, tenant_id: str, sealer: Sealer) -> TenantKey | None:
    """Return the key of a tenant, or None before its first use. Raise SealingError."""
    stored = (await tenants.get(tenant_id)).key
    return open_tenant_key(stored, tenant_id, sealer) if stored else None


def seconds_until_known(stored: StoredTenantKey, now: datetime) -> float:
    """Return the time until all consumers know the key, in seconds. It is 0 for all but a new key."""
    return max(0.0, (stored.created_at + SETTLING - now).total_seconds())


def _name(tenant_id: str, key_id: str) -> str:
    """Return the name under which a key is sealed, so that it cannot be opened in the document of another tenant."""
    return f"tenant key {tenant_id} {key_id}"
