"""Start and idle: seconds until a consumer is ready and delivers, and the processor time of one that has no work."""

import statistics
import time

from bench.installation import Installation
from bench.processes import cpu_seconds
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.small_traffic import Traffic
from devstack import StackError
from devstack.processes import Child
from devstack.services import is_ready

_SETTLE_SECONDS = 3.0
_IDLE_SECONDS = 20.0
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.01


def run(place: Place, starts: int) -> Figures:
    """Start a consumer some times, each with a request that waits in Kafka. Return medians, and the idle share."""
    installation = Installation(place)
    ready, delivered, idle = [], [], 0.0
    with Traffic(installation).reading() as traffic:
        for nth in range(starts):
            waiting = traffic.publish_small()
            began = time.monotonic()
            with installation.starting_consumer(nth) as (child, url):
                ready.append(_ready_at(child, url) - began)
                traffic.wait(traffic.delivered, [waiting])
                delivered.append(traffic.delivered[waiting] - began)
                if nth == starts - 1:
                    idle = _idle_share(child)
    return {
        "ready, s": statistics.median(ready),
        "first delivery, s": statistics.median(delivered),
        "idle, % of a core": idle * 100,
    }


def _ready_at(child: Child, url: str) -> float:
    """Return the time when the consumer was ready. Raise StackError if it ends or takes too long."""
    deadline = time.monotonic() + _READY_SECONDS
    while not is_ready(url):
        if child.exit_code() is not None or time.monotonic() > deadline:
            raise StackError(f"the consumer was not ready: {child.last_words()}")
        time.sleep(_POLL_SECONDS)
    return time.monotonic()


def _idle_share(child: Child) -> float:
    """Return the share of one core that the process uses without work."""
    time.sleep(_SETTLE_SECONDS)
    before, began = cpu_seconds(child), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    return (cpu_seconds(child) - before) / (time.monotonic() - began)


SCENARIO = Scenario(
    title="start of a consumer, and a consumer without work",
    about="Seconds from the start of the process until /readyz and the first delivery, and the idle processor time.",
    quick=Size(2, 1),
    full=Size(5, 3),
    run=run,
    goals=[
        Goal("ready, s", at_most=1.5),
        Goal("first delivery, s", at_most=3),
        Goal("idle, % of a core", at_most=2),
    ],
)
