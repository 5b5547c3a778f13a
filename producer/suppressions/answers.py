"""Answers about suppressions. Addresses are masked, unless the token has the scope of its own for them."""

from collections.abc import Iterator

from core.addresses import AddressRules
from core.suppressions import SuppressionEntry
from ledger.personal_data_port import Pseudonym
from ledger.suppression_key import SuppressionKey
from ledger.suppression_port import Entries, StoredSuppression
from producer.auth.token_verifier import SUPPRESSED_ADDRESSES, Principal
from schemas.statuses import Channel
from schemas.suppressions import ExportedSuppression, SuppressionEntryResponse, SuppressionResponse

_RULES = {channel: AddressRules(channel, None) for channel in Channel}


def shown_address(channel: Channel, address: str, principal: Principal) -> str:
    """Return a normalised address as the caller may see it."""
    return address if principal.may(SUPPRESSED_ADDRESSES) else _RULES[channel].mask(address, address)


def shown_suppression(channel: Channel, address: str, entries: Entries, principal: Principal) -> SuppressionResponse:
    """Return the suppressions of an address."""
    return shown_entries(channel, shown_address(channel, address, principal), entries)


def shown_entries(channel: Channel, recipient: str, entries: Entries) -> SuppressionResponse:
    """Return the suppressions of an address that is written as the caller may see it."""
    shown = [SuppressionEntryResponse(**each._asdict()) for each in entries]
    return SuppressionResponse(channel=channel, recipient=recipient, entries=shown)


def _shown_or_erased(stored: StoredSuppression, channel: Channel, address: str | None, principal: Principal) -> str:
    """Return the address as the caller may see it, or the pseudonym of one whose data was erased."""
    return Pseudonym.of(stored.id).text if address is None else shown_address(channel, address, principal)


def shown_item(stored: StoredSuppression, key: SuppressionKey, principal: Principal) -> SuppressionResponse:
    """Return the suppressions of an address on a page."""
    channel, address = key.channel_of(stored.id), key.open(stored)
    return shown_entries(channel, _shown_or_erased(stored, channel, address, principal), stored.entries)


def exported_lines(stored: StoredSuppression, key: SuppressionKey, principal: Principal) -> Iterator[bytes]:
    """Yield a line for each entry of an address."""
    channel = key.channel_of(stored.id)
    recipient = _shown_or_erased(stored, channel, key.open(stored), principal)
    for entry in stored.entries:
        yield exported_line(channel, recipient, entry)


def exported_line(channel: Channel, recipient: str, entry: SuppressionEntry) -> bytes:
    """Return one entry as a line of an export."""
    return ExportedSuppression(channel=channel, recipient=recipient, **entry._asdict()).json_bytes() + b"\n"
