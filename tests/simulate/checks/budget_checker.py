"""Check after a run that no request has paid more than its budget, by the providers' own records and by the logs."""

from collections.abc import Iterator

from core.money import add_costs
from schemas.statuses import Reason
from tests.simulate.scenario import CURRENCY, PRICES, UNIT, Ask
from tests.simulate.world import World


def budget_findings(world: World) -> Iterator[str]:
    """Return the errors of all requests, with a budget and without."""
    for ask in world.scenario.asks:
        document = world.books.store.requests.get(ask.key)
        if document is None or not world.prices:
            continue
        logs = [log for log in world.books.store.logs.values() if log.id.startswith(f"log_{ask.key}")]
        logged = add_costs(log.cost for log in logs)
        completion = document.request.completion
        if completion and completion.cost != logged:
            yield f"I2: {ask.request_id} completed with {completion.cost}, its logs say {logged}"
        if ask.budget is None:
            if document.reserved or any(log.reason is Reason.BUDGET_EXHAUSTED for log in logs):
                yield f"{ask.request_id} has no budget, and reserved some"
            continue
        paid, budget = _taken(world, ask), ask.budget * UNIT
        reserved = sum(amount for _, amount in document.reserved.values())
        if not paid <= budget or not logged.get(CURRENCY, 0) <= budget:
            yield f"{ask.request_id} paid {paid} of {budget}, its logs say {logged}"
        if not paid <= reserved <= budget:
            yield f"{ask.request_id} reserved {reserved} of {budget}, and paid {paid}"


def _taken(world: World, ask: Ask) -> int:
    """Return what the providers took of a request, at their prices."""
    return sum(
        number * PRICES[side.name] * UNIT
        for side in world.sides
        for delivery, number in side.taken.items()
        if delivery.startswith(f"log_{ask.key}")
    )
