"""Deliveries whose user or recipient has ordered the erasure of all that was accepted before a time."""

from collections.abc import Callable, Mapping, Sequence

from consumer.context import ConsumerContext
from core.delivery_outcome import Suppressed, WindowDelivery
from ledger.erasure_orders import Person, reopen
from ledger.models import RequestHeader
from ledger.suppression_key import SuppressionKey
from schemas.statuses import Reason

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

    The order is carried out again, because it has missed them: their record was expanded late. A worker that had its
    chunk in memory is not missed.
    """
    user = Person(header.user_id) if header.user_id is not None else None
    user_erasure = user.id_under(key) if user else None
    wanted = {*ids.values(), *((user_erasure,) if user_erasure else ())}
    before = await context.retry_until_available("read of erasures", context.ledger.erasures.find, wanted)
    erased = {name for name, time in before.items() if header.accepted_at <= time}
    if not erased:
        return set()
    if user and user_erasure in erased:
        await _reopen(user_erasure, user, context)
        return set(ids)
    found = {index: name for index, name in ids.items() if name in erased}
    for name, index in {name: index for index, name in found.items()}.items():
        await _reopen(name, Person(address_of(index), header.channel), context)
    return set(found)


async def _reopen(erasure_id: str, person: Person, context: ConsumerContext) -> None:
    step, ledger = "reopening of an erasure", context.ledger
    await context.retry_until_available(step, reopen, ledger, context.sealer, erasure_id, person)


def mark_erased(deliveries: Sequence[WindowDelivery], address_of: Callable[[int], str]) -> list[WindowDelivery]:
    """Give its result to each delivery whose address was erased from its chunk. Return the others."""
    left = []
    for each in deliveries:
        if address_of(each.index):
            left.append(each)
        else:
            each.result = ERASED
    return left
