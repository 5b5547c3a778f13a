"""Vendor outage: a newsletter and login codes use different routes, and the vendor that both use first dies."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient

from bench.installation import Installation
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.slow_gateway import count_answers
from bench.small_traffic import Traffic, p50, p99
from bench.workload import Order
from devstack.processes import Child, free_port
from devstack.services import start_service

_LATENCY_MS = 20
_CODES_PER_SECOND = 10.0
_CODES_BEFORE = 100
_DIES_AFTER = 0.5
"""Share of the newsletter that the vendor took when it dies."""
_CALLS_AT_ONCE = 50
_LISTS, _CODES = ("lists-a", "lists-b"), ("codes-a", "codes-b")


@dataclass(frozen=True, slots=True)
class Newsletter(Order):
    """Request that recipients may opt out of."""

    def message(self) -> dict[str, str]:
        """Return the channel, the text and the category."""
        return {**super(Newsletter, self).message(), "category": "marketing"}


def run(place: Place, recipients: int) -> Figures:
    """Measure login codes alone, beside the newsletter, and from the death of the vendor to the end."""
    ports = {"a": free_port(), "b": free_port()}
    installation = Installation(
        place, PROVIDERS=[_entry(name, ports[name[-1]]) for name in (*_LISTS, *_CODES)], ROUTES=_routes()
    )
    with contextlib.ExitStack() as running:
        vendor, _ = [running.enter_context(_gateway(place, installation, port)) for port in ports.values()]
        child = running.enter_context(installation.consumer())
        traffic = running.enter_context(Traffic(installation, child).reading())
        traffic.burst(200)
        alone = traffic.latencies(traffic.flow(_CODES_PER_SECOND, lambda number: number >= _CODES_BEFORE))
        began = count_answers(_url(ports["a"]))
        traffic.publish_large(Newsletter("news", recipients))
        half = began + _DIES_AFTER * recipients
        beside = traffic.flow(_CODES_PER_SECOND, lambda _: count_answers(_url(ports["a"])) >= half)
        vendor.kill()
        after = traffic.flow(_CODES_PER_SECOND, lambda _: "news" in traffic.completed)
        outage, quiet = traffic.latencies(after), traffic.latencies(beside)
        seconds = traffic.completed["news"] - traffic.published["news"]
    outcomes = _outcomes(place, installation)
    return {
        "codes alone: p50, ms": p50(alone),
        "codes alone: p99, ms": p99(alone),
        "beside the newsletter: p50, ms": p50(quiet),
        "beside the newsletter: p99, ms": p99(quiet),
        "after the death: p50, ms": p50(outage),
        "after the death: p99, ms": p99(outage),
        "newsletter, recipients/s": recipients / seconds,
        "sent": outcomes["sent"],
        "unknown": outcomes["unknown"],
        "neither sent nor unknown": outcomes.total() - outcomes["sent"] - outcomes["unknown"],
    }


def _entry(name: str, port: int) -> Mapping[str, object]:
    return {"name": name, "kind": "http", "channel": "sms", "url": _url(port), "concurrency": _CALLS_AT_ONCE}


def _routes() -> list[Mapping[str, object]]:
    return [
        {"channel": "sms", "category": "marketing", "providers": list(_LISTS)},
        {"channel": "sms", "category": "transactional", "providers": list(_CODES)},
    ]


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def _gateway(place: Place, installation: Installation, port: int) -> Iterator[Child]:
    """Start a vendor, and yield its process. It may have ended by then."""
    command = [sys.executable, "-m", "bench.slow_gateway", str(port), str(_LATENCY_MS)]
    with start_service(command, installation.env, _url(port), log=place.folder / f"vendor-{port}.log") as child:
        yield child


def _outcomes(place: Place, installation: Installation) -> Counter[str]:
    """Return the number of deliveries by status."""
    with MongoClient[dict[str, Any]](place.stack.mongo_url) as client:
        logs = client[installation.prefix]["communication_logs"]
        found = logs.aggregate([{"$group": {"_id": "$status", "number": {"$sum": 1}}}])
        return Counter({each["_id"]: each["number"] for each in found})


SCENARIO = Scenario(
    title="a newsletter and login codes through different routes, whose first vendor dies in the middle",
    about="One newsletter and ten login codes a second. Both routes begin with one vendor, which is killed half-way.",
    quick=Size(5_000, 1),
    full=Size(100_000, 1),
    run=run,
    goals=[Goal("neither sent nor unknown", at_most=0)],
)
