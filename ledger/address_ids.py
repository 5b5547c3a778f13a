"""Ids of addresses of a tenant, made with a subkey of its key. They show no address."""

import hashlib
from collections.abc import Iterable

from core.addresses import AddressRules
from core.ids import of_category, suppression_ids
from ledger.sealing import HASH_BYTES
from ledger.tenant_key import TenantKey
from schemas.statuses import Category, Channel

_RULES = {channel: AddressRules(channel, None) for channel in Channel}


class AddressIds:
    """Ids for one purpose. Addresses compare as duplicates do."""

    def __init__(self, key: TenantKey, purpose: bytes) -> None:
        self._key_id = key.id
        self._hash = hashlib.blake2b(key=key.subkey(purpose), digest_size=HASH_BYTES)

    def of(self, channel: Channel, addresses: Iterable[str]) -> list[str]:
        """Return the ids of normalised addresses, in order."""
        return suppression_ids(self._key_id, channel, map(self.hash_of, map(_RULES[channel].compare_form, addresses)))

    def of_category(self, channel: Channel, category: Category, addresses: Iterable[str]) -> list[str]:
        """Return the ids of normalised addresses for one category, in order."""
        return of_category(self.of(channel, addresses), category)

    def hash_of(self, compared: str) -> bytes:
        """Return the keyed BLAKE2b of a text, such as an address in the form in which addresses compare.

        The copy saves half of the time, which the key takes.
        """
        begun = self._hash.copy()
        begun.update(compared.encode())
        return begun.digest()
