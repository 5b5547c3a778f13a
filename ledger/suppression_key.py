"""Ids and sealed addresses of the suppressions of a tenant, made with a subkey of its key.

They outlive the sealing keys, so nothing of them is hashed or sealed again when those rotate.
"""

from core.addresses import AddressRules
from core.ids import channel_of_suppression, suppression_id, user_erasure_id
from ledger.sealing import Sealer
from ledger.suppression_port import StoredSuppression
from ledger.tenant_key import TenantKey
from schemas.statuses import Channel

_SUBKEY = "suppressions"
_RULES = {channel: AddressRules(channel, None) for channel in Channel}


class SuppressionKey:
    """Subkey of a tenant for its suppressions."""

    def __init__(self, key: TenantKey) -> None:
        self.key_id = key.id
        self._sealer = Sealer([(_SUBKEY, key.subkey(b"rollcall suppressions"))])

    def id_of(self, channel: Channel, address: str) -> str:
        """Return the id of the suppressions of a normalised address. Addresses compare as duplicates do."""
        compared = _RULES[channel].compare_form(address)
        return suppression_id(self.key_id, channel, self._sealer.hash(compared.encode(), _SUBKEY))

    def channel_of(self, suppression_id: str) -> Channel:
        """Return the channel of suppressions of this tenant."""
        return channel_of_suppression(suppression_id, self.key_id)

    def id_of_user(self, user_id: str) -> str:
        """Return the id of the erasure of a user. No address has the same hash."""
        return user_erasure_id(self.key_id, self._sealer.hash(b"user:" + user_id.encode(), _SUBKEY))

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
