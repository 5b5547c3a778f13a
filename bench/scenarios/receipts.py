"""Receipts: rate at which a consumer settles them, against its own rate of logs for the same deliveries."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from bench.processes import cpu_seconds
from bench.programs import WARM_UP_RECIPIENTS, Program, Work, bulk_work, orders
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.workload import TENANT, Order
from core.ids import log_ids, request_key

_EACH = 10_000
"""Recipients of each request."""
_PROVIDER = "sim-sms"
"""Name of the simulator in the settings."""


@dataclass(frozen=True, slots=True)
class _Settling(Program):
    """Consumer that first sends, and then takes a receipt for each delivery."""

    def measure_both(self, place: Place, recipients: int) -> Figures:
        """Measure one process. The receipts begin when the events of the bulk are all there."""
        with self._started(place) as (child, prefix):
            for work in (bulk_work("warm", WARM_UP_RECIPIENTS, _EACH), _receipt_work("warm", WARM_UP_RECIPIENTS)):
                asyncio.run(self._take(place, child, prefix, work))
            before = cpu_seconds(child)
            bulk_seconds = asyncio.run(self._take(place, child, prefix, bulk_work("run", recipients, _EACH)))
            between = cpu_seconds(child)
            receipt_seconds = asyncio.run(self._take(place, child, prefix, _receipt_work("run", recipients)))
            after = cpu_seconds(child)
        return {
            "bulk, logs/s": recipients / bulk_seconds,
            "bulk, µs of CPU a recipient": (between - before) / recipients * 1e6,
            "receipts, receipts/s": recipients / receipt_seconds,
            "receipts, µs of CPU a receipt": (after - between) / recipients * 1e6,
            "receipts / bulk": bulk_seconds / receipt_seconds,
        }


def run(place: Place, recipients: int) -> Figures:
    """Measure the bulk and its receipts in one process."""
    return _Settling("settle").measure_both(place, recipients)


def _receipt_work(name: str, recipients: int) -> Work:
    """Return a receipt for each delivery of the bulk of this name, in an order as vendors have it."""
    records = [record for order in orders(name, recipients, _EACH) for record in _receipts(order)]
    mixed = records[::2] + records[1::2]
    return Work("receipts", mixed, recipients, recipients)


def _receipts(order: Order) -> Iterator[tuple[bytes, bytes]]:
    key = request_key(TENANT, order.request_id)
    occurred_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    shared = {"provider": _PROVIDER, "status": "delivered", "occurred_at": occurred_at, "code": "DELIVRD"}
    for part, (_, size, _) in enumerate(order.parts()):
        for log in log_ids(key, part, range(size)):
            yield log.encode(), orjson.dumps({**shared, "delivery_id": log, "provider_message_id": f"sim-{log}"})


_GOALS: Sequence[Goal] = [Goal("receipts / bulk", at_least=0.5)]

SCENARIO = Scenario(
    title="receipts of bulk requests, one consumer process",
    about="Requests of 10,000 recipients, and then a receipt for each delivery, with one event for each.",
    quick=Size(20_000, 1),
    full=Size(200_000, 5),
    run=run,
    goals=_GOALS,
)
