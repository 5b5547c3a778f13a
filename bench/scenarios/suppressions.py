"""Suppressions: rate of bulk requests of a tenant with many suppressions, and of one that has none."""

import contextlib
import statistics
import time

from bench.installation import Installation
from bench.old_suppressions import fill
from bench.processes import cpu_seconds
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.small_traffic import Traffic
from bench.workload import Order

_NONE, _MANY = "none", "many"
_ROUNDS = 6
_RECIPIENTS = 20_000
"""Recipients of each round. None of them is suppressed, so that both sides send as much."""


def run(place: Place, suppressions: int) -> Figures:
    """Measure both sides by turns, each with a database and a consumer of its own."""
    rates: dict[str, list[float]] = {_NONE: [], _MANY: []}
    sides = {side: Installation(place, side) for side in rates}
    began = time.monotonic()
    fill(sides[_MANY], suppressions)
    filled = time.monotonic() - began
    with contextlib.ExitStack() as held:
        children = {side: held.enter_context(installation.consumer()) for side, installation in sides.items()}
        traffic = {side: held.enter_context(Traffic(sides[side], children[side]).reading()) for side in sides}
        for side in sides:
            traffic[side].bulk(Order("warm", 5_000))
        before = {side: cpu_seconds(child) for side, child in children.items()}
        for number in range(_ROUNDS):
            for side in (_NONE, _MANY) if (number + place.number) % 2 else (_MANY, _NONE):
                rates[side].append(traffic[side].bulk(Order(f"run-{number}", _RECIPIENTS)))
        cpu = {side: (cpu_seconds(child) - before[side]) / _ROUNDS for side, child in children.items()}
    rate = {side: statistics.median(found) for side, found in rates.items()}
    return {
        "writing the suppressions, s": filled,
        **{f"rate with {side}, recipients/s": found for side, found in rate.items()},
        **{f"µs of CPU a recipient with {side}": found / _RECIPIENTS * 1e6 for side, found in cpu.items()},
        "rate with many / with none": rate[_MANY] / rate[_NONE],
    }


SCENARIO = Scenario(
    title="rate of a tenant with many suppressions and with none",
    about="Bulk requests of a tenant with the given number of suppressions, and of one without, by turns.",
    quick=Size(200_000, 1),
    full=Size(10_000_000, 1),
    run=run,
    goals=[Goal("rate with many / with none", at_least=0.9)],
)
