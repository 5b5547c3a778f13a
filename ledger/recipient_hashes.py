"""Hashes that an address may have in the ledger."""

from core.addresses import AddressRules
from ledger.sealing import Sealer
from schemas.statuses import Channel


def recipient_hashes(raw: str, channel: Channel | None, sealer: Sealer, default_region: str | None) -> frozenset[bytes]:
    """Return the possible hashes of an address: normalised for the channel (None: for each channel), with every key.

    The address as given is hashed too. The ledger has that hash if the address was not valid, or was not valid for the
    default region of that time. Older requests have the hash of an e-mail address in the case in which it was given.
    """
    values = {raw}
    for each in [channel] if channel else list(Channel):
        rules = AddressRules(each, default_region)
        if address := rules.normalise(raw):
            values |= {address, rules.compare_form(address)}
    return frozenset(sealer.hash(value.encode(), key_id) for value in values for key_id in sealer.key_ids)
