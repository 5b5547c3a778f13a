"""Due work: lateness of scheduled requests, retries and requests due at once, at half of the maximum rate."""

import asyncio

from bench.due_work import BULK, IDLE, SLOW, Outcome, Plan, maximum, measure
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.small_traffic import p50, p99

_SHARE = 0.5
"""Rate of the due deliveries, as a share of the maximum of small requests."""
_AT_ONCE = 1.1
"""Deliveries for each of the plan, because a tenth as many are due at once beside them."""
_BURST_REQUESTS = 1_000
_BULK_PER_SECOND = 10_000
"""Recipients of the bulk request for each second, more than two cores can do beside the due work."""
_WITHIN_SECONDS = 1.0


def run(place: Place, deliveries: int) -> Figures:
    """Measure `deliveries` due ones without other work, beside a bulk request, and beside a slow provider."""
    most = maximum(place, _BURST_REQUESTS)
    seconds = max(3, round(deliveries * _AT_ONCE / (most * _SHARE)))
    plan = Plan(deliveries, seconds, seconds * _BULK_PER_SECOND)
    figures = {"maximum, requests/s": most, "due, deliveries/s": deliveries * _AT_ONCE / seconds}
    places = (IDLE, BULK, SLOW)
    for beside in places if place.is_odd else reversed(places):
        outcome = asyncio.run(measure(place, beside, plan))
        figures |= _figures(beside, outcome)
        if beside == IDLE:
            figures["idle: MongoDB commands/s without work"] = outcome.commands
        if beside == BULK:
            figures["beside a bulk: bulk, recipients"] = outcome.bulk
    return figures


def _figures(beside: str, outcome: Outcome) -> dict[str, float]:
    """Return the figures of one place: of all kinds together, and the lateness of each."""
    late = [seconds for each in outcome.late.values() for seconds in each]
    figures = {f"{beside}: within 1 s, %": sum(seconds <= _WITHIN_SECONDS for seconds in late) / len(late) * 100}
    for kind, each in sorted(outcome.late.items()):
        figures[f"{beside}: {kind}, p50, s"] = p50(each)
        figures[f"{beside}: {kind}, p99, s"] = p99(each)
    return figures


SCENARIO = Scenario(
    title="lateness of deferred deliveries, two consumer processes",
    about="Scheduled requests, retries and requests due at once, at half of the maximum rate of small requests.",
    quick=Size(600, 1),
    full=Size(3_000, 3),
    run=run,
    goals=[Goal("idle: within 1 s, %", at_least=99), Goal("beside a bulk: within 1 s, %", at_least=99)],
)
