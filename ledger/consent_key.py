"""Ids and sealed addresses of the consents of a tenant, made with subkeys of its key, which does not rotate."""

from collections.abc import Iterable

from core.ids import category_of_id, channel_of_suppression
from ledger.address_ids import AddressIds
from ledger.consent_port import ConsentSubject, StoredConsent
from ledger.sealing import Sealer
from ledger.tenant_key import TenantKey
from schemas.statuses import Category, Channel


class ConsentKey:
    """Subkeys of a tenant for its consents."""

    def __init__(self, key: TenantKey) -> None:
        self.key_id = key.id
        self._sealer = Sealer([("consents", key.subkey(b"rollcall consented addresses"))])
        self._ids = AddressIds(key, b"rollcall consent ids")

    def ids_of(self, channel: Channel, category: Category, addresses: Iterable[str]) -> list[str]:
        """Return the ids of the consents of normalised addresses, in order."""
        return self._ids.of_category(channel, category, addresses)

    def subject(self, channel: Channel, category: Category, address: str) -> ConsentSubject:
        """Return a normalised address as the one to record a consent or a withdrawal for."""
        (name,) = self.ids_of(channel, category, [address])
        return ConsentSubject(name, self._sealer.seal(address.encode(), name))

    def open(self, stored: StoredConsent) -> tuple[Channel, Category, str | None]:
        """Return channel, category and address of a consent. The address is None after its erasure.

        Raise SealingError if the consent was moved or changed.
        """
        address = self._sealer.open(stored.sealed, stored.id).decode() if stored.sealed else None
        return channel_of_suppression(stored.id, self.key_id), category_of_id(stored.id), address
