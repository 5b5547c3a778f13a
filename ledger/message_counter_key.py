"""Ids of the message counters of a tenant."""

from collections.abc import Iterable

from ledger.address_ids import AddressIds
from ledger.tenant_key import TenantKey
from schemas.statuses import Category, Channel


class MessageCounterKey:
    """Subkey of a tenant for its message counters."""

    def __init__(self, key: TenantKey) -> None:
        self._ids = AddressIds(key, b"rollcall message counters")

    def counters_of(self, channel: Channel, category: Category, addresses: Iterable[str]) -> list[str]:
        """Return the counters of normalised addresses, in order."""
        return self._ids.of_category(channel, category, addresses)
