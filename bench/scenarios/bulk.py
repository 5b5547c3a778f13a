"""Bulk: one consumer against the same Kafka and MongoDB work without the product (bench/ceiling.py)."""

from bench.measure import measure
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.sides import SIDES, Side

REQUEST_RECIPIENTS = 10_000


def run(place: Place, recipients: int) -> Figures:
    """Measure requests of 10,000 recipients, one side after the other."""
    figures: dict[str, float] = {}
    rates = {}
    for name in SIDES if place.is_odd else reversed(SIDES):
        side = Side(name, place.stack, place.folder, place.name)
        found = measure(side, recipients, REQUEST_RECIPIENTS)
        rates[name] = found.rate
        figures[f"{name}, recipients/s"] = found.rate
        figures[f"{name}, µs of CPU a recipient"] = found.cpu_seconds / recipients * 1e6
        figures[f"{name}, MiB"] = found.peak_mib
    return {**figures, "product / ceiling": rates["product"] / rates["ceiling"]}


SCENARIO = Scenario(
    title="bulk requests from Kafka, one consumer process",
    about="Requests of 10,000 recipients with one variable each, in SMS to a simulator without latency.",
    quick=Size(20_000, 2),
    full=Size(200_000, 5),
    run=run,
    goals=[Goal("product / ceiling", at_least=0.8), Goal("product, MiB", at_most=150)],
)
