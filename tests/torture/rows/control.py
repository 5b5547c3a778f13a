"""Row 15: cancel, pause and resume at random moments, also while parts are still arriving."""

import asyncio

from ledger.mongo import MongoLedger
from ledger.request_control import ControlResult, cancel_request, pause_request, resume_request
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.traffic import Order
from tests.torture.world import ANSWER_SECONDS, TIMEOUT_SECONDS, Round, World

WITHIN_SECONDS = 6.0
LARGE = 30
"""Recipients that a request has at least to be worth an order."""


@row(15, "cancel, pause and resume at random moments", "nothing sent after the bound; all accounted for")
async def ordered_at_random(round_: Round) -> Reconciliation:
    async with round_.world() as world, world.ledger() as ledger:
        world.provider.misbehave("slow", seconds=2 * ANSWER_SECONDS)
        await world.consumers(2)
        orders = [order for order in world.orders(round_.recipients) if order.total >= LARGE]
        async with asyncio.TaskGroup() as group:
            group.create_task(world.publish(*orders))
            for order in orders:
                group.create_task(_order(world, ledger, order))
        await world.settled()
        books = await world.books()
        books.hold(notes=f"{books.by_status['cancelled']} cancelled by {world.faults} orders")
        if not world.faults or not books.by_status["sent"]:
            raise DoesNotHold("no order came in time, or nothing was sent", books)
        return books


async def _order(world: World, ledger: MongoLedger, order: Order) -> None:
    """Pause it and go on, or cancel it, or both, each at a moment of its own."""
    rng = world.round_.rng
    moments = [rng.uniform(0.2, WITHIN_SECONDS) for _ in range(2)]
    pauses, cancels, resumes = (rng.random() < chance for chance in (0.6, 0.5, 0.5))
    if pauses:
        await asyncio.sleep(moments[0])
        paused = await _obeyed(world, order, await pause_request(ledger, order.key))
        if paused and (resumes or not cancels):
            await resume_request(ledger, order.key)
    if cancels:
        await asyncio.sleep(moments[1])
        await _obeyed(world, order, await cancel_request(ledger, order.key))


async def _obeyed(world: World, order: Order, ordered: ControlResult | None) -> bool:
    """Whether it came in time; DoesNotHold when more is sent from then on than its answer says may be."""
    if ordered is None:
        return False
    world.faults += 1
    before = _taken(world, order)
    await asyncio.sleep(TIMEOUT_SECONDS + 1)  # whatever was being sent at the answer has ended
    after = _taken(world, order)
    if after - before > ordered.may_still_be_sent:
        raise DoesNotHold(f"{after - before} sent of {order.request_id}, not {ordered.may_still_be_sent} at most")
    return True


def _taken(world: World, order: Order) -> int:
    return sum(taken.startswith(f"log_{order.key}") for taken in world.provider.accepted())
