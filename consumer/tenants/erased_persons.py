"""Deliveries whose user or recipient has ordered the erasure of all that was accepted before a time."""

from collections.abc import Callable, Mapping, Sequence

from consumer.context import ConsumerContext
from core.delivery_outcome import Suppressed, WindowDelivery
from ledger.erasure_orders import Person, reopen
from ledger.models import RequestHeader
from ledger.suppression_key import SuppressionKey
from schemas.statuses import Reason

MAX_ORDERS = 1_000
"""Number of orders of a tenant since the acceptance of a request above which the persons are looked up by their ids."""
ERASED = Suppressed(Reason.ERASED)
"""Result of a delivery whose data was erased."""


async def find_erased(
    header: RequestHeader,
    key: SuppressionKey,
    ids: Mapping[int, str],
    address_of: Callable[[int], str],
    context: ConsumerContext,
) -> set[int]:
    """Return the deliveries that must not be sent, of those with the ids of their recipients by index.

    The order is carried out again, because it has missed them: their record was expanded late. Without an order since
    the acceptance of the request, this is one small query, however many deliveries there are.
    """
    retry, erasures = context.retry_until_available, context.ledger.erasures
    at = header.accepted_at
    orders = await retry("read of erasures", erasures.find_since, header.tenant_id, at, MAX_ORDERS)
    if not orders:
        return set()
    user = Person(header.user_id) if header.user_id is not None else None
    persons = {name: Person(address_of(index), header.channel) for index, name in ids.items()}
    if user:
        persons[user.id_under(key)] = user
    if len(orders) == MAX_ORDERS:
        found = await retry("read of erasures by id", erasures.find, list(persons))
        orders = {name for name, before in found.items() if at <= before}
    for name in orders & persons.keys():
        await retry("reopening of an erasure", reopen, context.ledger, context.sealer, name, persons[name])
    if user and user.id_under(key) in orders:
        return set(ids)
    return {index for index, name in ids.items() if name in orders}


def mark_erased(deliveries: Sequence[WindowDelivery], address_of: Callable[[int], str]) -> list[WindowDelivery]:
    """Give its result to each delivery whose address was erased from its chunk. Return the others."""
    left = []
    for each in deliveries:
        if address_of(each.index):
            left.append(each)
        else:
            each.result = ERASED
    return left
