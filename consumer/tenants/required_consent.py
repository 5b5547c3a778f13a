"""Check of the recorded consents of a tenant: at the expansion, and again for each window before it is sent."""

from collections.abc import Collection, Sequence

from consumer.context import ConsumerContext
from consumer.tenants.current_tenant import current_tenant
from consumer.tenants.suppressed_recipients import ADDRESS_WEIGHT, AddressOf
from core.delivery_outcome import Suppressed, WindowDelivery
from ledger.consent_key import ConsentKey
from ledger.models import RequestHeader
from ledger.tenant_key import open_tenant_key
from schemas.statuses import Reason

_NO_CONSENT = Suppressed(Reason.NO_CONSENT)


async def find_without_consent(
    header: RequestHeader, indices: Sequence[int], address_of: AddressOf, context: ConsumerContext
) -> Collection[int]:
    """Return the deliveries that need a consent and have none. Raise SealingError without the key of the tenant.

    A tenant that asks for no consent costs no query. One without a key has recorded none.
    """
    tenant = await current_tenant(header.tenant_id, context)
    if not indices or not tenant.settings.consent_required.of(header.category):
        return ()
    if tenant.key is None:
        return indices
    key = ConsentKey(open_tenant_key(tenant.key, header.tenant_id, context.sealer))
    await context.turn_budget.wait(ADDRESS_WEIGHT * len(indices))
    ids = key.ids_of(header.channel, header.category, map(address_of, indices))
    found = await context.retry_until_available("read of consents", context.ledger.consents.find_in_force, ids)
    return [index for index, name in zip(indices, ids, strict=True) if name not in found]


async def mark_without_consent(
    deliveries: Sequence[WindowDelivery], header: RequestHeader, address_of: AddressOf, context: ConsumerContext
) -> None:
    """Give its result to each delivery of an open window that needs a consent and has none. Raise SealingError."""
    found = set(await find_without_consent(header, [each.index for each in deliveries], address_of, context))
    for each in deliveries:
        if each.index in found:
            each.result = _NO_CONSENT
