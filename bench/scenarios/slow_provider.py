"""Slow provider: a bulk request through an HTTP gateway whose time is the limit, not the product's."""

import asyncio
import sys
import time

from bench.bare_client import bare_rate
from bench.installation import Installation
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.slow_gateway import count_answers
from bench.small_traffic import PATIENCE_SECONDS, Traffic
from bench.workload import Order
from devstack import StackError
from devstack.processes import Child, free_port
from devstack.services import start_service

_LATENCY_MS = 100
_CONCURRENCY = 50
_LIMIT = _CONCURRENCY / _LATENCY_MS * 1000
"""Deliveries per second that the gateway allows."""
_BARE_CALLS = 2_000
"""Calls of a client that does nothing else. It shows how much of the limit this machine reaches."""
_POLL_SECONDS = 0.05


def run(place: Place, recipients: int) -> Figures:
    """Measure a bare client, and then the deliveries between a fifth and four fifths of a bulk request."""
    url = f"http://127.0.0.1:{free_port()}/"
    gateway = {"name": "gateway", "kind": "http", "channel": "sms", "url": url, "concurrency": _CONCURRENCY}
    installation = Installation(place, PROVIDERS=[gateway])
    command = [sys.executable, "-m", "bench.slow_gateway", url.rsplit(":", 1)[1].strip("/"), str(_LATENCY_MS)]
    with (
        start_service(command, installation.env, url, log=place.folder / "gateway.log"),
        installation.consumer() as child,
        Traffic(installation, child).reading() as traffic,
    ):
        bare = asyncio.run(bare_rate(url, _CONCURRENCY, _BARE_CALLS))
        traffic.publish_large(Order("bulk", recipients))
        began, first = _reached(url, child, _BARE_CALLS + recipients // 5)
        ended, last = _reached(url, child, _BARE_CALLS + recipients * 4 // 5)
    rate = (last - first) / (ended - began)
    return {
        "deliveries/s": rate,
        "bare client, deliveries/s": bare,
        "deliveries/s / (concurrency / latency)": rate / _LIMIT,
        "product / bare client": rate / bare,
    }


def _reached(url: str, child: Child, number: int) -> tuple[float, int]:
    """Wait for this number of answers. Return the time and the number. Raise StackError if the consumer ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answers = count_answers(url)
        if answers >= number:
            return time.monotonic(), answers
        if child.exit_code() is not None or time.monotonic() > deadline:
            raise StackError(f"the gateway gave {answers:,} of {number:,} answers: {child.last_words()}")
        time.sleep(_POLL_SECONDS)


SCENARIO = Scenario(
    title="one bulk request through a gateway that takes 100 ms, 50 connections",
    about="A bulk request through an HTTP gateway on loopback, in steady state, with the default settings.",
    quick=Size(5_000, 1),
    full=Size(30_000, 3),
    run=run,
    goals=[Goal("deliveries/s / (concurrency / latency)", at_least=0.9)],
)
