"""Growth: rate of bulk requests and time of a query, with few logs in the database and with many."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Mapping

from bench.installation import Installation
from bench.old_logs import TENANT_LOGS, fill, tenant
from bench.scenario import Figures, Goal, Place, Scenario, Size
from bench.small_traffic import Traffic
from bench.workload import Order
from devstack import Stack, StackError
from ledger.mongo.ledger import MongoLedger
from ledger.queries import LogQuery

_FEW, _MANY = "few", "many"
_ROUNDS = 4
_RECIPIENTS = 20_000
"""Recipients of each round."""
_WARM_UP_QUERIES = 10
_QUERIES = 300
_COUNT_LIMIT = 10_001
"""Limit of the count, as for a page over HTTP."""


def run(place: Place, logs: int) -> Figures:
    """Measure both databases by turns, each with a consumer of its own. The queries come after the bulk requests."""
    rates: dict[str, list[float]] = {_FEW: [], _MANY: []}
    sizes = {_FEW: TENANT_LOGS, _MANY: logs}
    sides = {side: Installation(place, side) for side in sizes}
    began = time.monotonic()
    for side, size in sizes.items():
        fill(place.stack, sides[side].prefix, size)
    filled = time.monotonic() - began
    with contextlib.ExitStack() as held:
        traffic = {side: _started(held, installation) for side, installation in sides.items()}
        for number in range(_ROUNDS):
            for side in (_FEW, _MANY) if (number + place.number) % 2 else (_MANY, _FEW):
                rates[side].append(traffic[side].bulk(Order(f"run-{number}", _RECIPIENTS)))
        queries = asyncio.run(_query_ms(place.stack, {side: sides[side].prefix for side in sizes}))
    rate = {side: statistics.median(found) for side, found in rates.items()}
    query = {side: statistics.median(found) for side, found in queries.items()}
    return {
        "writing the old logs, s": filled,
        **{f"rate with {side}, recipients/s": found for side, found in rate.items()},
        **{f"query with {side}, ms": found for side, found in query.items()},
        "rate with many / with few": rate[_MANY] / rate[_FEW],
        "query with many / with few": query[_MANY] / query[_FEW],
    }


def _started(held: contextlib.ExitStack, installation: Installation) -> Traffic:
    """Start a consumer and a reader of its events, and warm both."""
    child = held.enter_context(installation.consumer())
    traffic = held.enter_context(Traffic(installation, child).reading())
    traffic.bulk(Order("warm", 5_000))
    return traffic


async def _query_ms(stack: Stack, databases: Mapping[str, str]) -> dict[str, list[float]]:
    """Return the milliseconds of queries for the first page of a tenant, which has as many logs in both databases.

    The databases take turns query by query, so that both see the same moments of a noisy machine.
    """
    taken: dict[str, list[float]] = {side: [] for side in databases}
    query = LogQuery(tenant(0), count_limit=_COUNT_LIMIT)
    ledgers = {side: await MongoLedger.connect(stack.mongo_url, name) for side, name in databases.items()}
    try:
        for number in range(_WARM_UP_QUERIES + _QUERIES):
            for side, ledger in ledgers.items():
                began = time.monotonic()
                page = await ledger.logs.find(query)
                if number >= _WARM_UP_QUERIES:
                    taken[side].append((time.monotonic() - began) * 1000)
                if len(page.items) != query.page_size:
                    raise StackError(f"a page of {len(page.items)} logs. Write at least 1,000 old logs.")
    finally:
        for ledger in ledgers.values():
            await ledger.aclose()
    return taken


SCENARIO = Scenario(
    title="rate and query time with few and with many logs",
    about="Bulk requests and the first page of a tenant, with 10,000 logs and with the given number there already.",
    quick=Size(200_000, 1),
    full=Size(10_000_000, 1),
    run=run,
    goals=[Goal("rate with many / with few", at_least=0.8), Goal("query with many / with few", at_most=1.25)],
)
