"""Soak: memory and latency of one consumer under a steady mixed load, at the beginning and at the end."""

import time
from collections.abc import Callable

from psutil import Process

from bench.installation import Installation
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.small_traffic import WARM_UP, Traffic, p50, p99
from bench.workload import Order
from devstack.processes import Child

_SMALL_PER_SECOND = 40.0
_BULK_RECIPIENTS = 2_000
_BULK_SECONDS = 10.0
"""Seconds from one bulk request to the next."""
_SIXTHS = 6


def run(place: Place, seconds: int) -> Figures:
    """Measure the first and the last sixth of the time."""
    installation = Installation(place)
    memory, latencies = [], []
    with installation.consumer() as child, Traffic(installation, child).reading() as traffic:
        traffic.bulk(Order("warm", _BULK_RECIPIENTS))
        traffic.burst(WARM_UP)
        for sixth in range(_SIXTHS):
            names = _load(traffic, sixth, seconds / _SIXTHS)
            latencies.append(traffic.latencies(names))
            memory.append(_mib(child))
    return {
        "memory after the first sixth, MiB": memory[0],
        "memory at the end, MiB": memory[-1],
        "p50 of the first sixth, ms": p50(latencies[0]),
        "p99 of the first sixth, ms": p99(latencies[0]),
        "p50 of the last sixth, ms": p50(latencies[-1]),
        "p99 of the last sixth, ms": p99(latencies[-1]),
        "memory at the end / after the first minutes": memory[-1] / memory[0],
        "p99 of the last sixth / p99 of the first": p99(latencies[-1]) / p99(latencies[0]),
    }


def _load(traffic: Traffic, sixth: int, seconds: float) -> list[str]:
    """Publish small requests all the time and a bulk request now and then. Return the ids of the small ones."""
    names: list[str] = []
    end, bulk = time.monotonic() + seconds, 0
    while (now := time.monotonic()) < end:
        traffic.publish_large(Order(f"bulk-{sixth}-{bulk}", _BULK_RECIPIENTS))
        pause = min(end, now + _BULK_SECONDS)
        names += traffic.flow(_SMALL_PER_SECOND, _until(pause))
        bulk += 1
    return names


def _until(end: float) -> Callable[[int], bool]:
    """Return a condition that holds from a time on, however many requests there were."""
    return lambda _: time.monotonic() >= end


def _mib(child: Child) -> float:
    """Return the resident set of a process, in MiB."""
    return float(Process(child.pid).memory_info().rss / 2**20)


SCENARIO = Scenario(
    title="steady mixed load, one consumer process",
    about="40 small requests a second and a bulk request of 2,000 recipients every 10 s, for the given seconds.",
    quick=Size(60, 1),
    full=Size(1_800, 1),
    run=run,
    goals=[
        Goal("memory at the end / after the first minutes", at_most=1.05),
        Goal("p99 of the last sixth / p99 of the first", at_most=1.5),
    ],
)
