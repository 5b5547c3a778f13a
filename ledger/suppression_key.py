"""Ids and sealed addresses of the suppressions of a tenant, made with a subkey of its key.

They outlive the sealing keys, so nothing of them is hashed or sealed again when those rotate.
"""

import hashlib
from collections.abc import Iterable

from core.addresses import AddressRules
from core.ids import channel_of_suppression, suppression_ids, user_erasure_id
from ledger.sealing import HASH_BYTES, Sealer
from ledger.suppression_port import StoredSuppression
from ledger.tenant_key import TenantKey
from schemas.statuses import Channel

_RULES = {channel: AddressRules(channel, None) for channel in Channel}


class SuppressionKey:
    """Subkey of a tenant for its suppressions."""

    def __init__(self, key: TenantKey) -> None:
        self.key_id = key.id
        self._sealer = Sealer([("suppressions", key.subkey(b"rollcall suppressed addresses"))])
        self._hash = hashlib.blake2b(key=key.subkey(b"rollcall suppression ids"), digest_size=HASH_BYTES)

    def id_of(self, channel: Channel, address: str) -> str:
        """Return the id of the suppressions of a normalised address. Addresses compare as duplicates do."""
        return self.ids_of(channel, [address])[0]

    def ids_of(self, channel: Channel, addresses: Iterable[str]) -> list[str]:
        """Return the ids of the suppressions of normalised addresses, in order."""
        return suppression_ids(self.key_id, channel, map(self._hashed, map(_RULES[channel].compare_form, addresses)))

    def _hashed(self, compared: str) -> bytes:
        """Return the keyed BLAKE2b of an address. The copy saves half of the time, which the key takes."""
        begun = self._hash.copy()
        begun.update(compared.encode())
        return begun.digest()

    def channel_of(self, suppression_id: str) -> Channel:
        """Return the channel of suppressions of this tenant."""
        return channel_of_suppression(suppression_id, self.key_id)

    def id_of_user(self, user_id: str) -> str:
        """Return the id of the erasure of a user. No address has the same hash."""
        return user_erasure_id(self.key_id, self._hashed(f"user:{user_id}"))

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
