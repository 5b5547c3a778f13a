"""Sealed configurations of the providers that tenants manage themselves."""

from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider


def seal_config(config: str, tenant_id: str, provider_id: str, sealer: Sealer) -> bytes:
    """Seal the configuration of a provider."""
    return sealer.seal(config.encode(), _name(tenant_id, provider_id))


def open_config(stored: StoredProvider, tenant_id: str, sealer: Sealer) -> str:
    """Return the configuration of a provider. Raises SealingError, for one without its key."""
    return sealer.open(stored.sealed, _name(tenant_id, stored.id)).decode()


def _name(tenant_id: str, provider_id: str) -> str:
    """Return the name under which a configuration is sealed, so that it cannot be opened in another place."""
    return f"provider {tenant_id} {provider_id}"
