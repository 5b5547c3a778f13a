"""A large request waits a moment where small ones would be late, and never for long."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from consumer.deliver.claim_chunks import Claimer, LeasedChunk
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.flow_control.lane_priority import (
    LATE_START_SECONDS,
    MAX_YIELD_SECONDS,
    SLOW_CLAIM_SECONDS,
    YIELD_SECONDS,
    LanePriority,
)
from consumer.flow_control.slots import build_slots
from consumer.kafka.offset_tracker import OffsetTracker
from core.ids import ChunkId
from core.retry import SPREAD_SECONDS
from core.send_result import Retry, SendResult, Sent
from providers.draft import Draft
from schemas.statuses import Lane, Reason
from tests.flow.consumer.deliver.test_wake_up_queue import Topic
from tests.flow.world import START, TOPICS, RecordingProvider, World
from tests.support.polling import wait_until

LATER = (START + timedelta(minutes=5)).isoformat()
NUMBERS = [f"138{n:08d}" for n in range(12)]


class Clock:
    """A world whose sleepers let its time pass."""

    def __init__(self) -> None:
        self.world, self.slept = World(RecordingProvider()), 0.0
        self.context = replace(self.world.context(), lane_priority=LanePriority(self.world._monotonic, self._sleep))

    async def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.world.pass_time(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def small_ones_are_behind(precedence: LanePriority) -> None:
    precedence.express_claimed(precedence._monotonic() - 2 * SLOW_CLAIM_SECONDS)


async def waited(clock: Clock, lane: Lane) -> float:
    before = clock.slept
    await clock.context.lane_priority.yield_to_express(lane)
    return clock.slept - before


async def test_nobody_waits_for_nothing(clock: Clock) -> None:
    assert [await waited(clock, lane) for lane in Lane] == [0, 0]


async def test_only_the_bulk_waits_and_for_a_moment(clock: Clock) -> None:
    small_ones_are_behind(clock.context.lane_priority)
    assert await waited(clock, Lane.EXPRESS) == 0
    assert await waited(clock, Lane.BULK) == pytest.approx(YIELD_SECONDS, abs=0.06)
    assert await waited(clock, Lane.BULK) == 0


async def test_the_bulk_gets_on_however_often_small_ones_are_behind(clock: Clock) -> None:
    precedence = clock.context.lane_priority
    small_ones_are_behind(precedence)
    waiting = asyncio.create_task(waited(clock, Lane.BULK))
    while not waiting.done():
        await asyncio.sleep(0)
        small_ones_are_behind(precedence)
    assert waiting.result() == pytest.approx(MAX_YIELD_SECONDS, abs=0.06)


@pytest.mark.parametrize(("topic", "waits"), [(TOPICS.requests, 3), (TOPICS.requests_express, 0)])
async def test_it_waits_between_windows_and_chunks(clock: Clock, topic: str, waits: int) -> None:
    class Late(LanePriority):
        """Small ones are always behind."""

        async def yield_to_express(self, lane: Lane) -> None:
            small_ones_are_behind(self)
            await super().yield_to_express(lane)

    context = replace(clock.context, lane_priority=Late(clock.world._monotonic, clock._sleep))
    record = replace(clock.world.record(*NUMBERS), topic=topic)
    await clock.world.expand(record, context)  # three chunks of two windows
    expanded = clock.slept
    assert expanded == pytest.approx(waits * YIELD_SECONDS, abs=0.2)
    await clock.world.deliver_all(context)
    assert clock.slept - expanded == pytest.approx(3 * YIELD_SECONDS, abs=0.2)  # after the last window it is closed


async def test_a_retry_waits_for_nobody(clock: Clock) -> None:
    provider = clock.world.providers[0]
    provider.answers = lambda _, nth: Sent("m") if nth else Retry(Reason.UNAVAILABLE, None, 60)
    await clock.world.expand(clock.world.record(*NUMBERS))
    await clock.world.deliver_all(clock.context)
    clock.world.pass_time(60 + SPREAD_SECONDS)
    small_ones_are_behind(clock.context.lane_priority)
    await clock.world.deliver_all(clock.context)
    assert len(await clock.world.logs()) == len(NUMBERS)
    assert clock.slept == 0


@pytest.mark.parametrize(
    ("late_seconds", "call_seconds", "expected"),
    [(2 * LATE_START_SECONDS, 0.01, True), (LATE_START_SECONDS / 2, 0.01, False), (2 * LATE_START_SECONDS, 5.0, False)],
    ids=["late", "in time", "late for its slow provider"],
)
async def test_a_late_start_is_noticed(clock: Clock, late_seconds: float, call_seconds: float, expected: bool) -> None:  # noqa: FBT001
    async def send(draft: Draft) -> SendResult:
        clock.world.pass_time(call_seconds)
        return Sent(draft.id)

    clock.world.providers[0].send = send
    for number in NUMBERS:
        await clock.world.expand(clock.world.record(number, request_id=f"r{number}", send_at=LATER))
    clock.world.pass_time(300 + late_seconds)
    await clock.world.deliver_all(clock.context)
    assert (await waited(clock, Lane.BULK) > 0) is expected


class Slow(Claimer):
    """Claims chunks, each in this number of seconds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__(clock.context)
        self._clock, self._seconds = clock, seconds

    async def claim_chunk(self, chunk_id: ChunkId) -> LeasedChunk | None:
        leased = await super().claim_chunk(chunk_id)
        self._clock.world.pass_time(self._seconds)
        return leased


@pytest.mark.parametrize(("seconds", "expected"), [(SLOW_CLAIM_SECONDS / 2, False), (SLOW_CLAIM_SECONDS * 2, True)])
async def test_a_slow_claim_is_noticed(clock: Clock, seconds: float, expected: bool) -> None:  # noqa: FBT001
    context, topic = clock.context, Topic()
    await clock.world.expand(clock.world.record(NUMBERS[0]))
    (record,) = topic.call(clock.world)
    slots = build_slots(2)
    calls = WakeUpQueue(Slow(clock, seconds), slots, OffsetTracker(context.stopping, context.sleep), context)
    serving = asyncio.create_task(calls.run())
    await calls.enqueue(Lane.EXPRESS, record, topic.commit)
    await wait_until(lambda: topic.committed, seconds=10)
    assert (context.lane_priority._until > context.monotonic()) is expected
    serving.cancel()
    await asyncio.wait({serving})
