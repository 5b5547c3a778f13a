"""Ids and sealed addresses of the suppressions of a tenant, made with a subkey of its key.

They outlive the sealing keys, so nothing of them is hashed or sealed again when those rotate.
"""

from collections.abc import Iterable

from core.ids import channel_of_suppression, user_erasure_id
from ledger.address_ids import AddressIds
from ledger.sealing import Sealer
from ledger.suppression_port import StoredSuppression
from ledger.tenant_key import TenantKey
from schemas.statuses import Channel


class SuppressionKey:
    """Subkey of a tenant for its suppressions."""

    def __init__(self, key: TenantKey) -> None:
        self.key_id = key.id
        self._sealer = Sealer([("suppressions", key.subkey(b"rollcall suppressed addresses"))])
        self._ids = AddressIds(key, b"rollcall suppression ids")

    def id_of(self, channel: Channel, address: str) -> str:
        """Return the id of the suppressions of a normalised address. Addresses compare as duplicates do."""
        return self.ids_of(channel, [address])[0]

    def ids_of(self, channel: Channel, addresses: Iterable[str]) -> list[str]:
        """Return the ids of the suppressions of normalised addresses, in order."""
        return self._ids.of(channel, addresses)

    def channel_of(self, suppression_id: str) -> Channel:
        """Return the channel of suppressions of this tenant."""
        return channel_of_suppression(suppression_id, self.key_id)

    def id_of_user(self, user_id: str) -> str:
        """Return the id of the erasure of a user. No address has the same hash."""
        return user_erasure_id(self.key_id, self._ids.hash_of(f"user:{user_id}"))

    def seal(self, address: str, suppression_id: str) -> bytes:
        """Seal an address for its suppressions."""
        return self._sealer.seal(address.encode(), suppression_id)

    def open(self, stored: StoredSuppression) -> str | None:
        """Return the address of suppressions, or None after its erasure.

        Raise SealingError if they were moved or changed.
        """
        if not stored.sealed:
            return None
        return self._sealer.open(stored.sealed, stored.id).decode()
