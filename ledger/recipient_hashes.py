"""Under which hashes an address may stand in the ledger."""

from core.addresses import AddressRules
from ledger.sealing import Sealer
from schemas.statuses import Channel


def recipient_hashes(raw: str, channel: Channel | None, sealer: Sealer, default_region: str | None) -> frozenset[bytes]:
    """What an address may have been hashed to: as the channel (None: either) reads it, under every key there is.

    As it was given too: so it was hashed where it is none, or was none under the region of its day.
    """
    read = {AddressRules(one, default_region).normalise(raw) for one in ([channel] if channel else Channel)}
    values = {raw, *filter(None, read)}
    return frozenset(sealer.hash(value.encode(), key_id) for value in values for key_id in sealer.key_ids)
