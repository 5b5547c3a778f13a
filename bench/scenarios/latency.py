"""Latency of small requests at a share of the maximum rate, against the durable work by hand (bench/floor.py)."""

from bench.floor import floor_ms
from bench.installation import Installation
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.small_traffic import Traffic, p50, p99

_SHARES = (10, 50, 80)
"""Percent of the maximum rate."""
_PROBES = 100
"""Events that the bench publishes itself, to know the share of its reader."""


def run(place: Place, requests: int) -> Figures:
    """Measure the floor, the maximum rate, and the latency at each share of it."""
    floor = floor_ms(place.stack, f"{place.name}-floor")
    installation = Installation(place)
    with installation.consumer() as child, Traffic(installation, child).reading() as traffic:
        own = traffic.reader_ms(_PROBES)
        maximum = traffic.maximum(requests)
        figures = {"maximum, requests/s": maximum, "floor p50, ms": floor, "reading an event alone p50, ms": own}
        for share in _SHARES if place.is_odd else reversed(_SHARES):
            names = traffic.flow(maximum * share / 100, lambda number: number >= requests)
            taken = traffic.latencies(names)
            figures[f"at {share}%: p50, ms"] = p50(taken)
            figures[f"at {share}%: p99, ms"] = p99(taken)
            figures[f"at {share}%: p50 / floor"] = p50(taken) / floor
            figures[f"at {share}%: p99 / floor"] = p99(taken) / floor
    return figures


SCENARIO = Scenario(
    title="latency of small requests, one consumer process",
    about="Requests of one recipient at random times, from the publication to the delivery event, in a simulator.",
    quick=Size(400, 1),
    full=Size(2_000, 5),
    run=run,
    goals=[
        Goal("at 10%: p50 / floor", at_most=2),
        Goal("at 10%: p99 / floor", at_most=8),
        Goal("at 50%: p50 / floor", at_most=4),
        Goal("at 50%: p99 / floor", at_most=15),
    ],
)
