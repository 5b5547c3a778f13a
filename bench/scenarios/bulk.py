"""Bulk: one consumer against the same Kafka and MongoDB work without the product (bench/ceiling.py)."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.programs import WARM_UP_RECIPIENTS, Program, bulk_work, orders
from bench.scenario import Figures, Goal, Place, Scenario, Size

REQUEST_RECIPIENTS = 10_000


@dataclass(frozen=True, slots=True)
class Ceiling(Program):
    """Ceiling, which renders its documents before the clock starts. So it needs to know all requests."""

    recipients: int = 0

    def more_arguments(self) -> Sequence[str]:
        """Return the requests."""
        warm_up = orders("warm", WARM_UP_RECIPIENTS, WARM_UP_RECIPIENTS)
        measured = orders("run", self.recipients, REQUEST_RECIPIENTS)
        return [f"{order.request_id}:{order.recipients}" for order in (*warm_up, *measured)]


def run(place: Place, recipients: int) -> Figures:
    """Measure requests of 10,000 recipients, one side after the other."""
    sides = [Program("product"), Ceiling("ceiling", "bench.ceiling_main", recipients)]
    warm_up = bulk_work("warm", WARM_UP_RECIPIENTS, WARM_UP_RECIPIENTS)
    work = bulk_work("run", recipients, REQUEST_RECIPIENTS)
    figures: dict[str, float] = {}
    rates = {}
    for side in sides if place.is_odd else reversed(sides):
        found = side.measure(place, warm_up, work)
        rates[side.name] = found.rate
        figures[f"{side.name}, recipients/s"] = found.rate
        figures[f"{side.name}, µs of CPU a recipient"] = found.cpu_seconds / recipients * 1e6
        figures[f"{side.name}, MiB"] = found.peak_mib
    return {**figures, "product / ceiling": rates["product"] / rates["ceiling"]}


SCENARIO = Scenario(
    title="bulk requests from Kafka, one consumer process",
    about="Requests of 10,000 recipients with one variable each, in SMS to a simulator without latency.",
    quick=Size(20_000, 2),
    full=Size(200_000, 5),
    run=run,
    goals=[Goal("product / ceiling", at_least=0.8), Goal("product, MiB", at_most=150)],
)
