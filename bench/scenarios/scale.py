"""Scale: the same bulk requests with one, two and four consumers, whose provider's time limits each of them."""

import contextlib
from typing import Any

from pymongo import MongoClient

from bench.installation import Installation
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.small_traffic import Traffic
from bench.workload import Order

_CONSUMERS = (1, 2, 4)
_LATENCY_MS = 20
_CHUNKS_IN_FLIGHT = 1
_WINDOW_SIZE = 100
"""One window at a time: about a quarter of the rate at which two cores are the limit."""
_ORDER_RECIPIENTS = 5_000
_SETTLE_RECIPIENTS = 4_000


def run(place: Place, recipients: int) -> Figures:
    """Measure each number of consumers on topics and a database of their own."""
    figures: dict[str, float] = {}
    rates, lost = {}, {}
    for consumers in _CONSUMERS if place.is_odd else reversed(_CONSUMERS):
        rates[consumers], lost[consumers] = _side(place, consumers, recipients)
    for consumers in _CONSUMERS:
        name = "1 consumer" if consumers == 1 else f"{consumers} consumers"
        figures[f"{name}, recipients/s"] = rates[consumers]
    return {**figures, "2 / 1": rates[2] / rates[1], "4 / 1": rates[4] / rates[1], "lost at 4, recipients": lost[4]}


def _side(place: Place, consumers: int, recipients: int) -> tuple[float, float]:
    """Return the rate of some consumers in recipients per second, and the recipients without exactly one log."""
    simulator = {"name": "sim-sms", "kind": "simulator", "channel": "sms", "latency_ms": _LATENCY_MS}
    limits = {"MAX_CHUNKS_IN_FLIGHT": _CHUNKS_IN_FLIGHT, "WINDOW_SIZE": _WINDOW_SIZE}
    installation = Installation(place, f"of-{consumers}", PROVIDERS=[simulator], **limits)
    orders = [Order(f"run-{number}", _ORDER_RECIPIENTS) for number in range(max(1, recipients // _ORDER_RECIPIENTS))]
    with contextlib.ExitStack() as held:
        children = [held.enter_context(installation.consumer(number)) for number in range(consumers)]
        traffic = held.enter_context(Traffic(installation, children[0]).reading())
        # The first requests also show that every consumer has its partitions.
        traffic.bulk(*(Order(f"warm-{number}", _SETTLE_RECIPIENTS // 4) for number in range(4)))
        rate = traffic.bulk(*orders)
    with MongoClient[dict[str, Any]](place.stack.mongo_url) as client:
        logs = client[installation.prefix]["communication_logs"]
        sent = logs.count_documents({"request_id": {"$regex": "^run-"}, "status": "sent"})
        client.drop_database(installation.prefix)
    return rate, sum(order.recipients for order in orders) - sent


SCENARIO = Scenario(
    title="one, two and four consumers",
    about="Bulk requests of 5,000 recipients, to a simulator that takes 20 ms, with one window at a time per consumer.",
    quick=Size(40_000, 1),
    full=Size(200_000, 3),
    run=run,
    goals=[Goal("2 / 1", at_least=1.8), Goal("lost at 4, recipients", at_most=0)],
)
