"""Books of the receipts: what vendors reported, what logs, events and counts say of it."""

from collections import Counter
from collections.abc import Mapping

from core.ids import log_id
from ledger.request_counts import count_request
from tests.e2e.reconciliation import roll
from tests.support.polling import wait_until
from tests.torture.reconciliation import DoesNotHold
from tests.torture.traffic import Order
from tests.torture.world import World

SETTLE_SECONDS = 90.0
"""An early receipt is tried after 2, 10 and 42 s, and its claim by a consumer that died ends after 120 s."""


def sendable(order: Order) -> list[str]:
    """The deliveries of a request that a provider may get."""
    places = ((part, index) for part, recipients in enumerate(order.parts) for index in range(len(recipients)))
    return [log_id(order.key, *place) for place in places if place not in order.decided]


async def hold_receipts(
    world: World, ends: Mapping[str, str], *, repeats: bool, seconds: float = SETTLE_SECONDS
) -> int:
    """Hold that each reported delivery is where its vendor says, with one event, and that no other has moved.

    Return how many events were repeated, which none may be without `repeats`.
    """
    logs = world.deployment.database["communication_logs"]

    def unmoved() -> set[str]:
        wanted = {
            "_id": {"$in": [*ends]},
            "outcome": {"$in": ["sent", "unknown"]},
            "status": {"$in": ["sent", "unknown"]},
        }
        return {log["_id"] for log in logs.find(wanted, {"_id": True})}

    try:
        await wait_until(lambda: not unmoved(), seconds)
    except TimeoutError:
        raise DoesNotHold(f"receipts of {len(unmoved())} deliveries are lost, such as {min(unmoved())}") from None
    moved = {log["_id"]: log["status"] for log in logs.find({"settled_by": {"$exists": True}}, {"status": True})}
    ended = {name: status for name, status in moved.items() if status in {"delivered", "failed"}}
    if wrong := {name for name, status in ended.items() if ends.get(name) != status}:
        raise DoesNotHold(f"{len(wrong)} logs say another thing than their vendor, such as {min(wrong)}")
    await wait_until(lambda: world.results.receipts.keys() >= ended.keys())
    await world.results.catch_up()
    return _hold_events(world, ended, repeats=repeats)


def _hold_events(world: World, ended: Mapping[str, str], *, repeats: bool) -> int:
    events = world.results.receipts
    told = {name: {event.status.value for event in several} for name, several in events.items()}
    if told != {name: {status} for name, status in ended.items()}:
        raise DoesNotHold(f"{len(told)} deliveries have receipt events, and {len(ended)} logs need one")
    more = sum(len(several) - 1 for several in events.values())
    if more and not repeats:
        raise DoesNotHold(f"{more} receipt events were published again, and nothing had died")
    return more


async def hold_counts(world: World) -> None:
    """Hold that the counts that a request shows are those of its logs."""
    async with world.ledger() as ledger:
        for order in world.orders_published:
            request = await ledger.requests.get(order.key)
            if request is None:
                raise DoesNotHold(f"{order.request_id} has no document")
            counted: Counter[str] = Counter()
            for (status, _), number in (await count_request(ledger, request)).current.items():
                counted[status.value] += number
            if counted != Counter(log["status"] for log in roll(world.deployment, order.request_id).values()):
                raise DoesNotHold(f"{order.request_id} counts {dict(counted)}, and its logs say another thing")
