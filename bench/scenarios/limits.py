"""Limits: the rate of one provider that all consumer processes share, counted at the receiving server."""

import contextlib
import sys
import time

from bench.counting_gateway import arrivals
from bench.installation import Installation
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.small_traffic import Traffic
from bench.workload import Order
from devstack import StackError
from devstack.processes import Child, free_port
from devstack.services import start_service

CAPS = (100, 1_000)
"""Messages per second."""
CONSUMERS = (1, 3)
_DEMAND = 1.2
"""Recipients for each message that the cap allows in the whole time."""
_WARM_UP_SECONDS = 10
_EXPANSION_SECONDS = 240.0


def run(place: Place, seconds: int) -> Figures:
    """Count the arrivals of some whole seconds, with one and with three consumers, at a low and at a high cap."""
    figures: dict[str, float] = {}
    for cap in CAPS:
        for consumers in CONSUMERS:
            counts = _counts(place, cap, consumers, seconds)
            name = f"{cap}/s, {consumers} consumer{'s' if consumers > 1 else ''}"
            figures[f"{name}: rate, % of the cap"] = sum(counts) / seconds / cap * 100
            figures[f"{name}: highest second, %"] = max(counts) / cap * 100
            figures[f"{name}: lowest second, %"] = min(counts) / cap * 100
    return figures


def _counts(place: Place, cap: int, consumers: int, seconds: int) -> list[int]:
    """Return the arrivals of each second after the warm-up, with more demand than the cap."""
    url = f"http://127.0.0.1:{free_port()}/"
    provider = {"name": "gateway", "kind": "http", "channel": "sms", "url": url, "concurrency": 50}
    installation = Installation(place, f"limits-{cap}-{consumers}", PROVIDERS=[{**provider, "max_per_second": cap}])
    command = [sys.executable, "-m", "bench.counting_gateway", url.rsplit(":", 1)[1].strip("/")]
    with contextlib.ExitStack() as running:
        running.enter_context(start_service(command, installation.env, url, log=place.folder / "gateway.log"))
        children = [running.enter_context(installation.consumer(number)) for number in range(consumers)]
        traffic = running.enter_context(Traffic(installation, children[0]).reading())
        recipients = round(cap * (seconds + _WARM_UP_SECONDS) * _DEMAND)
        # Several requests, so that all partitions have some.
        traffic.publish_large(*(Order(f"limits-{at}", recipients // 12 + 1) for at in range(12)))
        first = _first_second(url, children[0]) + _WARM_UP_SECONDS
        while time.time() < first + seconds + 1:
            time.sleep(0.2)
        counted = arrivals(url)
    return [counted.get(second, 0) for second in range(first, first + seconds)]


def _first_second(url: str, child: Child) -> int:
    """Wait for the first arrival. Return its second. Raise StackError if there is none."""
    deadline = time.monotonic() + _EXPANSION_SECONDS
    while not (counted := arrivals(url)):
        if child.exit_code() is not None or time.monotonic() > deadline:
            raise StackError(f"no delivery reached the gateway: {child.last_words()}")
        time.sleep(0.1)
    return min(counted)


def _goals() -> list[Goal]:
    goals = []
    for cap in CAPS:
        for consumers in CONSUMERS:
            name = f"{cap}/s, {consumers} consumer{'s' if consumers > 1 else ''}"
            goals += [
                Goal(f"{name}: rate, % of the cap", at_least=98),
                Goal(f"{name}: rate, % of the cap", at_most=100),
                Goal(f"{name}: highest second, %", at_most=105),
            ]
    return goals


SCENARIO = Scenario(
    title="rate of one provider across all consumer processes, counted in whole seconds",
    about="Bulk requests with more demand than the cap, counted by an HTTP gateway on loopback.",
    quick=Size(10, 1),
    full=Size(60, 1),
    run=run,
    goals=_goals(),
)
