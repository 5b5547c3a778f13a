"""A large request pauses while small ones are at work, and never for long."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from consumer.flow_control.lane_priority import MAX_YIELD_SECONDS, QUICK_CALL_SECONDS, LanePriority
from core.retry import SPREAD_SECONDS
from core.send_result import Retry, SendResult, Sent
from providers.draft import Draft
from schemas.statuses import Lane, Reason
from tests.flow.world import TOPICS, RecordingProvider, World

NUMBERS = [f"138{n:08d}" for n in range(12)]
AT_ONCE = 0.001


class Pauses(LanePriority):
    """Notes the pauses of large requests instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = 0
        self.at_work = 0

    async def yield_to_express(self, lane: Lane) -> None:
        self.pauses += lane is Lane.BULK

    @contextmanager
    def working(self, lane: Lane, call_seconds: float) -> Iterator[None]:
        self.at_work += lane is Lane.EXPRESS and call_seconds <= QUICK_CALL_SECONDS
        yield


async def paused(priority: LanePriority, lane: Lane) -> float:
    """Return the seconds of a pause."""
    clock = asyncio.get_running_loop().time
    began = clock()
    await priority.yield_to_express(lane)
    return clock() - began


@pytest.mark.parametrize(
    ("working", "call_seconds", "yielding", "pauses"),
    [
        (Lane.EXPRESS, 0.0, Lane.BULK, True),
        (Lane.EXPRESS, 0.0, Lane.EXPRESS, False),
        (Lane.BULK, 0.0, Lane.BULK, False),
        (Lane.EXPRESS, 2 * QUICK_CALL_SECONDS, Lane.BULK, False),
    ],
    ids=["small beside large", "small beside small", "large beside large", "small that waits for a slow provider"],
)
async def test_only_large_requests_pause_for_small_ones(
    working: Lane, call_seconds: float, yielding: Lane, *, pauses: bool
) -> None:
    priority = LanePriority()
    with priority.working(working, call_seconds):
        pause = asyncio.create_task(priority.yield_to_express(yielding))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert pause.done() is not pauses
    await pause
    assert await paused(priority, yielding) < MAX_YIELD_SECONDS / 2


async def test_a_pause_ends_with_the_last_small_request() -> None:
    priority = LanePriority()
    with priority.working(Lane.EXPRESS, 0.0):
        with priority.working(Lane.EXPRESS, 0.0):
            pause = asyncio.create_task(priority.yield_to_express(Lane.BULK))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not pause.done()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert pause.done()


async def test_a_large_request_goes_on_however_many_small_ones_are_at_work() -> None:
    priority = LanePriority()
    with priority.working(Lane.EXPRESS, 0.0):
        assert await paused(priority, Lane.BULK) >= MAX_YIELD_SECONDS - AT_ONCE


@pytest.mark.parametrize(("topic", "pauses"), [(TOPICS.requests, 3), (TOPICS.requests_express, 0)])
async def test_it_pauses_between_windows_and_chunks(topic: str, pauses: int) -> None:
    world, priority = World(RecordingProvider()), Pauses()
    context = replace(world.context(), lane_priority=priority)
    await world.expand(replace(world.record(*NUMBERS), topic=topic), context)  # three chunks of two windows
    assert priority.pauses == pauses
    await world.deliver_all(context)
    assert priority.pauses == pauses + 3  # after the last window a chunk is closed


async def test_a_retry_does_not_pause() -> None:
    world, priority = World(RecordingProvider()), Pauses()
    world.providers[0].answers = lambda _, nth: Sent("m") if nth else Retry(Reason.UNAVAILABLE, None, 60)
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(world.context())
    world.pass_time(60 + SPREAD_SECONDS)
    await world.deliver_all(replace(world.context(), lane_priority=priority))
    assert len(await world.logs()) == len(NUMBERS)
    assert priority.pauses == 0


@pytest.mark.parametrize(("call_seconds", "at_work"), [(0.01, 3), (5.0, 1)], ids=["quick", "slow"])
async def test_small_requests_of_a_slow_provider_delay_no_large_one(call_seconds: float, at_work: int) -> None:
    world, priority = World(RecordingProvider()), Pauses()
    context = replace(world.context(), lane_priority=priority)

    async def send(draft: Draft) -> SendResult:
        world.pass_time(call_seconds)
        return Sent(draft.id)

    world.providers[0].send = send
    for number in NUMBERS[:3]:
        await world.expand(world.record(number, request_id=f"r{number}"), context)
        await world.deliver_all(context)
    assert priority.at_work == at_work
