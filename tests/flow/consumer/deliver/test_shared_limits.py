"""Limits across all processes: what waits for a permit, and what goes back into the ledger."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from consumer.flow_control.shared_limits import SharedLimits
from consumer.flow_control.shared_rate import RateCap
from schemas.statuses import Reason, Status
from tests.flow.world import World

NUMBERS = [{"to": f"1390013{number:04d}"} for number in range(40)]


def limited(world: World, **cap: Any) -> Any:
    """Return a process whose provider has this cap. Its waits move the clock of the world."""

    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)
        await asyncio.sleep(0)

    context = world.context()
    limits = SharedLimits({"book": RateCap(**cap)}, world.ledger.permits, context.monotonic, sleep)
    return replace(context, shared_limits=limits)


async def test_a_window_is_sent_at_the_rate_of_all_processes() -> None:
    world = World()
    world.limits = replace(world.limits, chunk_size=40, window_size=40)
    await world.expand(world.record(*NUMBERS))
    began = world.time
    await world.deliver_all(limited(world, per_second=10))

    assert (world.time - began).total_seconds() > 3.9
    assert sum(world.providers[0].taken.values()) == 40


async def test_an_sms_takes_a_permit_for_each_segment() -> None:
    world = World()
    world.limits = replace(world.limits, chunk_size=40, window_size=40)
    await world.expand(world.record(*NUMBERS[:10], content="x" * 161))
    began = world.time
    await world.deliver_all(limited(world, per_second=10, counts_segments=True))

    assert (world.time - began).total_seconds() > 1.9
    assert sum(world.providers[0].taken.values()) == 10


async def test_deliveries_that_would_wait_too_long_go_back_without_an_attempt_and_are_sent_later() -> None:
    world = World()
    world.limits = replace(world.limits, chunk_size=40, window_size=40)
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(limited(world, per_second=1))

    sent = sum(world.providers[0].taken.values())
    (document,) = world.ledger.chunks._store.chunks.values()  # type: ignore[attr-defined]
    work = document.chunk.work
    assert 10 <= sent < 20
    assert (work.waiting, document.owner) == (40 - sent, None)
    histories = [line.history for line in work.retries]
    histories += work.next.histories.values() if work.next else []
    assert {(each.reason, each.waited) for each in histories} == {(Reason.RATE_LIMITED, timedelta())}

    for _ in range(60):
        world.pass_time(5)
        await world.deliver_all(limited(world, per_second=1))
    logs = await world.logs()
    assert [(log.outcome, log.attempts) for log in logs] == [(Status.SENT, 1)] * 40
    assert set(world.providers[0].taken.values()) == {1}
