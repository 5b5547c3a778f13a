"""A large request pauses while small ones are at work, and never for long."""

import asyncio
from dataclasses import replace

import pytest

from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.flow_control.lane_priority import MAX_YIELD_SECONDS, LanePriority
from consumer.flow_control.slots import build_slots
from core.retry import SPREAD_SECONDS
from core.send_result import Retry, SendResult, Sent
from providers.draft import Draft
from schemas.statuses import Lane, Reason
from tests.flow.world import TOPICS, RecordingProvider, World
from tests.support.polling import wait_until

NUMBERS = [f"138{n:08d}" for n in range(12)]
AT_ONCE = 0.001


class Pauses(LanePriority):
    """Notes the pauses of large requests instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = 0

    async def yield_to_express(self, lane: Lane) -> None:
        self.pauses += lane is Lane.BULK


async def paused(priority: LanePriority, lane: Lane) -> float:
    """Return the seconds of a pause."""
    clock = asyncio.get_running_loop().time
    began = clock()
    await priority.yield_to_express(lane)
    return clock() - began


async def turns() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("working", "yielding", "pauses"),
    [(Lane.EXPRESS, Lane.BULK, True), (Lane.EXPRESS, Lane.EXPRESS, False), (Lane.BULK, Lane.BULK, False)],
    ids=["small beside large", "small beside small", "large beside large"],
)
async def test_only_large_requests_pause_for_small_ones(working: Lane, yielding: Lane, *, pauses: bool) -> None:
    priority = LanePriority()
    with priority.working(working):
        pause = asyncio.create_task(priority.yield_to_express(yielding))
        await turns()
        assert pause.done() is not pauses
    await pause
    assert await paused(priority, yielding) < MAX_YIELD_SECONDS / 2


async def test_a_pause_ends_when_no_small_request_is_at_work() -> None:
    priority = LanePriority()
    with priority.working(Lane.EXPRESS):
        pause = asyncio.create_task(priority.yield_to_express(Lane.BULK))
        await turns()
    with priority.working(Lane.EXPRESS):  # the next one begins in the same turn
        await turns()
        assert not pause.done()
    await turns()
    assert pause.done()


async def test_a_small_request_that_waits_for_its_provider_delays_no_large_one() -> None:
    priority = LanePriority()
    with priority.working(Lane.EXPRESS):
        with priority.sending(Lane.EXPRESS):
            assert await paused(priority, Lane.BULK) < MAX_YIELD_SECONDS / 2
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
    world.providers[0].answers = lambda _, nth: Sent("m") if nth else Retry(Reason.RATE_LIMITED, None, 60)
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(world.context())
    world.pass_time(60 + SPREAD_SECONDS)
    await world.deliver_all(replace(world.context(), lane_priority=priority))
    assert len(await world.logs()) == len(NUMBERS)
    assert priority.pauses == 0


async def test_a_small_request_is_at_work_from_its_claim_to_its_close() -> None:
    class Steps(LanePriority):
        """Notes how many small requests are at work."""

        def _count(self, lane: Lane, change: int) -> None:
            super()._count(lane, change)
            steps.append(self._at_work)

    async def send(draft: Draft) -> SendResult:
        steps.append("send")
        return Sent(draft.id)

    steps, world = list[int | str](), World(RecordingProvider())
    world.providers[0].send = send
    context = replace(world.context(), lane_priority=Steps())
    WakeUpQueue(Claimer(context), build_slots(2), context)
    await world.expand(world.record(NUMBERS[0]), context)
    await wait_until(lambda: steps[-1:] == [0] and "send" in steps)

    assert steps == [1, 0, 1, "send", 0]  # the claim, and the work on the chunk
