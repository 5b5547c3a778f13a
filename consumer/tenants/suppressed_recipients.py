"""Check of the suppressions and erasures of a tenant: at the expansion, and again for each window before it is sent."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from consumer.context import ConsumerContext
from consumer.tenants.current_tenant import current_tenant
from consumer.tenants.erased_persons import find_erased, mark_erased
from core.delivery_outcome import Suppressed, WindowDelivery
from core.suppressions import reason_to_suppress
from ledger.models import RequestHeader
from ledger.suppression_key import SuppressionKey
from ledger.tenant_key import open_tenant_key
from schemas.statuses import Reason

ADDRESS_WEIGHT = 8
"""Weight of the hash of one address, in characters."""

AddressOf = Callable[[int], str]
"""Returns the normalised address of a delivery by its index."""


async def find_suppressed(
    header: RequestHeader, indices: Collection[int], address_of: AddressOf, context: ConsumerContext
) -> dict[int, Reason]:
    """Return the reasons for the deliveries that must not be sent, by index. Raise SealingError without the key.

    A tenant without a key has no suppressions, and costs no query.
    """
    stored = (await current_tenant(header.tenant_id, context)).key
    if stored is None or not indices:
        return {}
    key = SuppressionKey(open_tenant_key(stored, header.tenant_id, context.sealer))
    await context.turn_budget.wait(ADDRESS_WEIGHT * len(indices))
    ids = dict(zip(indices, key.ids_of(header.channel, map(address_of, indices)), strict=True))
    suppressed = context.retry_until_available(
        "read of suppressions", context.ledger.suppressions.find, list(ids.values())
    )
    found, erased = await asyncio.gather(suppressed, find_erased(header, key, ids, address_of, context))
    if not found and not erased:
        return {}
    now = context.ledger.now()
    reasons = {
        index: reason_to_suppress(found[name], header.category, header.mailing_list, now)
        for index, name in ids.items()
        if name in found
    }
    reasons |= dict.fromkeys(erased, Reason.ERASED)
    return {index: reason for index, reason in reasons.items() if reason is not None}


async def mark_suppressed(
    deliveries: Sequence[WindowDelivery], header: RequestHeader, address_of: AddressOf, context: ConsumerContext
) -> None:
    """Give its result to each delivery of an open window that must not be sent.

    The window was written before. So an entry that was acknowledged before the window opened is found. Raise
    SealingError without the key of the tenant.
    """
    deliveries = mark_erased(deliveries, address_of)
    reasons = await find_suppressed(header, [each.index for each in deliveries], address_of, context)
    for each in deliveries:
        if reason := reasons.get(each.index):
            each.result = Suppressed(reason)
