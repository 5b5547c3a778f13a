"""Hashes that an address may have in the ledger."""

from itertools import islice

from core.addresses import AddressRules
from core.addresses.control_characters import MAX_ADDRESS
from ledger.sealing import Sealer
from schemas.receipts import MAX_RECIPIENT_HASHES
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


def receipt_hashes(raw: str, sealer: Sealer, default_region: str | None) -> tuple[str, ...]:
    """Return `<key id>:<hash>` for each hash that the log of a recipient may have, those of the newest key first.

    `raw` is the address as a provider writes it. Many write a phone number with its calling code and without the plus.
    """
    if len(raw) > MAX_ADDRESS or not raw.isprintable():
        return ()
    texts = (raw, f"+{raw}") if raw.isascii() and raw.isdecimal() else (raw,)
    addresses: dict[str, None] = {}
    for rules in (AddressRules(channel, default_region) for channel in Channel):
        for address in filter(None, map(rules.normalise, texts)):
            addresses |= {rules.compare_form(address): None, address: None}
    hashes = (f"{key_id}:{sealer.hash(each.encode(), key_id).hex()}" for key_id in sealer.key_ids for each in addresses)
    return tuple(islice(hashes, MAX_RECIPIENT_HASHES))
