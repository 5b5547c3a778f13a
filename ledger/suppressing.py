"""Addition of addresses to the suppressions of a tenant, from wherever they come."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.addresses import AddressProblem, AddressRules
from core.record_time import truncate_to_milliseconds
from core.suppressions import SuppressionEntry
from ledger.ports import Ledger
from ledger.sealing import Sealer
from ledger.suppression_key import SuppressionKey
from ledger.suppression_port import Addition, NewSuppression
from ledger.tenant_key import TenantKey, find_tenant_key, get_or_create_key, open_tenant_key, seconds_until_known
from schemas.statuses import Channel
from schemas.suppressions import SuppressedRecipient, SuppressionAddition


class InvalidSuppressionError(ValueError):
    """Suppression that cannot be added. The message names the field and shows no address."""


@dataclass(frozen=True, slots=True)
class SuppressedAddress:
    """Address of a channel, and the entry that is added to it."""

    channel: Channel
    address: str = field(repr=False)
    """Normalised address."""
    entry: SuppressionEntry


def normalised_recipient(body: SuppressedRecipient, default_region: str | None) -> str:
    """Return the normalised address of a body. Raise InvalidSuppressionError."""
    address = AddressRules(body.channel, body.region or default_region).read(body.recipient)
    if isinstance(address, AddressProblem):
        raise InvalidSuppressionError(f"recipient: {address.value}")
    return address


def suppressed_address(
    body: SuppressionAddition, default_region: str | None, source: str, now: datetime
) -> SuppressedAddress:
    """Return the address and the entry of a body. `source` is the default. Raise InvalidSuppressionError."""
    if body.until is not None and body.until <= now:
        raise InvalidSuppressionError("until: must be in the future")
    since, until = _stored_time(body.since or now), body.until and _stored_time(body.until)
    entry = SuppressionEntry(body.reason, body.scope, body.source or source, since, until)
    return SuppressedAddress(body.channel, normalised_recipient(body, default_region), entry)


def _stored_time(moment: datetime) -> datetime:
    return truncate_to_milliseconds(moment.astimezone(UTC))


async def known_suppression_key(
    ledger: Ledger, tenant_id: str, sealer: Sealer, sleep: Callable[[float], Awaitable[object]]
) -> SuppressionKey:
    """Return the key for additions. The first addition of a tenant creates it, and waits until all consumers know it.

    Raise SealingError without the sealing key of the tenant's key.
    """
    return SuppressionKey(await known_tenant_key(ledger, tenant_id, sealer, sleep))


async def known_tenant_key(
    ledger: Ledger, tenant_id: str, sealer: Sealer, sleep: Callable[[float], Awaitable[object]]
) -> TenantKey:
    """Return the key of a tenant. Its first use creates it, and waits until all consumers know it.

    Raise SealingError without the sealing key of that time.
    """
    stored = await get_or_create_key(ledger.tenants, tenant_id, sealer, ledger.now())
    if seconds := seconds_until_known(stored, ledger.now()):
        await sleep(seconds)
    return open_tenant_key(stored, tenant_id, sealer)


async def find_suppression_key(ledger: Ledger, tenant_id: str, sealer: Sealer) -> SuppressionKey | None:
    """Return the key for reads and removals, or None if the tenant has no suppressions. Raise SealingError."""
    key = await find_tenant_key(ledger.tenants, tenant_id, sealer)
    return SuppressionKey(key) if key else None


async def add_suppressions(
    ledger: Ledger, key: SuppressionKey, addresses: Sequence[SuppressedAddress]
) -> list[Addition]:
    """Add entries to addresses of the tenant of the key. Return the result of each, in order.

    Windows that open after this returns are not sent to them. A window that is open may still be sent once.
    """
    new = []
    for each in addresses:
        suppression_id = key.id_of(each.channel, each.address)
        new.append(NewSuppression(suppression_id, key.seal(each.address, suppression_id), each.entry))
    return await ledger.suppressions.add(new)
