"""Row 24: a provider that fails and works again, behind a breaker that opens and closes, beside kill -9."""

import asyncio
import re
from collections.abc import Iterable

import httpx

from consumer.flow_control.provider_breaker import LONGEST_SECONDS
from core.ids import request_key
from tests.support.deployment import Service
from tests.support.polling import wait_until
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.traffic import TENANT
from tests.torture.world import SETTINGS, Round, World

FAILING = "accounting"
OPEN = re.compile(rf'^rollcall_provider_breaker_open{{provider="{FAILING}"}} (\S+)$', re.MULTILINE)
ANSWERS = re.compile(rf'^rollcall_provider_seconds_count{{answer="(\w+)",provider="{FAILING}"}} (\S+)$', re.MULTILINE)
MOST_FAILED_CALLS = 2 * 8 * SETTINGS["WINDOW_SIZE"]  # type: ignore[operator]  # a number
"""Calls of one consumer that may fail in an outage: what was under way when the breaker opened, and the trials."""

CLOSED_SECONDS = 2 * round(LONGEST_SECONDS)
"""Maximum time in seconds until every breaker is closed again. Each one waits up to a minute for its next trial."""


@row(
    24,
    "a provider fails and works again, with another one in its route; kill -9 of consumers",
    "as row 1; the breaker opens and closes, few calls are made while it is open, and no attempt is spent",
)
async def broken_circuit(round_: Round) -> Reconciliation:
    async with round_.world(spare="spare") as world:
        await world.consumers(2)
        wave, notes = round_.recipients // 2 // round_.times, []
        for _ in range(round_.times):
            world.provider.misbehave("fault")
            await world.publish(*world.orders(wave))
            await wait_until(lambda: any(_opened(world.services)), 60)
            victim = round_.rng.choice(world.services)
            await world.busy(victim)
            await world.kill(victim)
            await world.start()
            await world.settled()
            notes.append(_hold_calls(world.services))
            world.provider.behave()
            await _closed(world)
        books = await world.books()
        spent = await _spent_attempts(world)
    books.notes.append(f"failed calls {notes}")
    books.hold_within_doubt()
    if certain := spent - books.doubts.keys():
        raise DoesNotHold(f"{len(certain)} deliveries spent an attempt: {sorted(certain)[:3]}", books)
    return books


async def _spent_attempts(world: World) -> set[str]:
    """Return the deliveries that needed more than one attempt. A take-over counts one for each in its window."""
    async with world.ledger() as ledger:
        keys = [request_key(TENANT, order.request_id) for order in world.orders_published]
        return {log.id for key in keys async for log in ledger.logs.iterate_request(key) if log.attempts > 1}


def _opened(services: Iterable[Service]) -> list[bool]:
    """Return for each consumer that answers whether its breaker is open."""
    return [any(float(value) for value in OPEN.findall(text)) for text in _metrics(services)]


def _hold_calls(services: Iterable[Service]) -> list[float]:
    failed = [sum(float(n) for kind, n in ANSWERS.findall(text) if kind == "retry") for text in _metrics(services)]
    if max(failed) > MOST_FAILED_CALLS:
        raise DoesNotHold(f"{failed} calls were made to a provider that fails")
    return failed


async def _closed(world: World) -> None:
    """Publish until the provider is called again by every consumer. Only a delivery can try it."""
    for _ in range(CLOSED_SECONDS):
        await world.publish(*world.orders(20))
        await world.settled()
        if not any(_opened(world.services)):
            return
        await asyncio.sleep(1)
    raise DoesNotHold("the breaker did not close")


def _metrics(services: Iterable[Service]) -> list[str]:
    return [httpx.get(f"{service.url}/metrics").text for service in services]
