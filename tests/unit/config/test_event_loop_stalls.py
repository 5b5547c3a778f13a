"""The longest stall of the event loop is a metric that an operator can alert on."""

import asyncio
import time

from prometheus_client import CollectorRegistry

from config.event_loop_stalls import KEPT_SECONDS, EventLoopStalls
from tests.support.clock import ManualClock
from tests.support.polling import wait_until


def shown(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("rollcall_event_loop_stall_seconds")


def test_the_longest_stall_of_the_last_minutes_is_shown() -> None:
    registry, clock = CollectorRegistry(), ManualClock()
    stalls = EventLoopStalls(registry, clock)
    assert shown(registry) == 0

    for seconds in (0.01, 2.5, 0.3):
        stalls.record(seconds)
        clock.now += 20

    assert shown(registry) == 2.5
    clock.now += KEPT_SECONDS - 20
    assert shown(registry) == 0.3
    clock.now += KEPT_SECONDS
    assert shown(registry) == 0


def test_what_is_kept_does_not_grow() -> None:
    clock = ManualClock()
    stalls = EventLoopStalls(CollectorRegistry(), clock)
    for _ in range(20_000):
        stalls.record(0.01)
        clock.now += 0.05

    assert len(stalls._periods) <= 33


async def test_a_loop_that_does_not_turn_is_noticed() -> None:
    registry = CollectorRegistry()
    async with EventLoopStalls(registry).watching():
        await asyncio.sleep(0)
        began = time.monotonic()
        while time.monotonic() - began < 0.3:  # it holds the loop, as heavy work would
            pass
        await wait_until(lambda: (shown(registry) or 0) > 0.2, seconds=10)
