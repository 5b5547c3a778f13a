"""Fairness: small requests alone, and beside one bulk request."""

from bench.installation import Installation
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.small_traffic import Traffic, p50, p99
from bench.workload import Order

_SHARE = 0.1
"""Rate of the small requests, as a share of their maximum."""
_RECIPIENTS_PER_REQUEST = 500
"""Recipients of the bulk request for each small request of the idle phase."""
_LEAST_REQUESTS = 100
_BURST_REQUESTS = 500
"""Requests of the burst that shows their maximum rate."""


def run(place: Place, recipients: int) -> Figures:
    """Measure small requests, first alone, and then until a bulk request of `recipients` is completed."""
    number = max(_LEAST_REQUESTS, recipients // _RECIPIENTS_PER_REQUEST)
    installation = Installation(place)
    with installation.consumer() as child, Traffic(installation, child).reading() as traffic:
        traffic.bulk(Order("warm", 5_000))
        maximum = traffic.maximum(_BURST_REQUESTS)
        idle = traffic.latencies(traffic.flow(maximum * _SHARE, lambda published: published >= number))
        traffic.publish_large(Order("bulk", recipients))
        names = traffic.flow(maximum * _SHARE, lambda _: "bulk" in traffic.completed)
        beside = traffic.latencies(names)
        seconds = traffic.completed["bulk"] - traffic.published["bulk"]
    return {
        "maximum, requests/s": maximum,
        "idle: p50, ms": p50(idle),
        "idle: p99, ms": p99(idle),
        "beside: p50, ms": p50(beside),
        "beside: p99, ms": p99(beside),
        "bulk meanwhile, recipients/s": recipients / seconds,
        "p50 beside / p50 idle": p50(beside) / p50(idle),
        "p99 beside / p99 idle": p99(beside) / p99(idle),
    }


SCENARIO = Scenario(
    title="small requests beside a bulk request, one consumer process",
    about="Requests of one recipient at a tenth of their maximum rate, alone and beside one bulk request.",
    quick=Size(50_000, 1),
    full=Size(1_000_000, 3),
    run=run,
    goals=[Goal("p99 beside / p99 idle", at_most=2)],
)
