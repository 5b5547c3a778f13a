"""A large request waits a moment where small ones would be late, and never for long."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumer.deliver.claim import Claimer
from consumer.deliver.wake_up_queue import Calls
from consumer.flow_control.lane_priority import LATE_SECONDS, MOMENT_SECONDS, MOST_SECONDS, SLOW_SECONDS, Precedence
from consumer.flow_control.slots import slots_for_each_kind
from consumer.kafka.offset_tracker import Reading
from core.send_result import Message, Retry, SendResult, Sent
from schemas.statuses import Lane, Reason
from tests.flow.consumer.deliver.test_wake_up_queue import Topic
from tests.flow.consumer.test_sweeper import until
from tests.flow.world import START, TOPICS, Accounting, World

LATER = (START + timedelta(minutes=5)).isoformat()
NUMBERS = [f"138{n:08d}" for n in range(12)]


class Clock:
    """A world whose sleepers let its time pass."""

    def __init__(self) -> None:
        self.world, self.slept = World(Accounting()), 0.0
        self.tools = replace(self.world.tools(), precedence=Precedence(self.world._monotonic, self._sleep))

    async def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.world.pass_time(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def small_ones_are_behind(precedence: Precedence) -> None:
    precedence.claimed(precedence._monotonic() - 2 * SLOW_SECONDS)


async def waited(clock: Clock, lane: Lane) -> float:
    before = clock.slept
    await clock.tools.precedence.give_way(lane)
    return clock.slept - before


async def test_nobody_waits_for_nothing(clock: Clock) -> None:
    assert [await waited(clock, lane) for lane in Lane] == [0, 0]


async def test_only_the_bulk_waits_and_for_a_moment(clock: Clock) -> None:
    small_ones_are_behind(clock.tools.precedence)
    assert await waited(clock, Lane.EXPRESS) == 0
    assert await waited(clock, Lane.BULK) == pytest.approx(MOMENT_SECONDS, abs=0.06)
    assert await waited(clock, Lane.BULK) == 0


async def test_the_bulk_gets_on_however_often_small_ones_are_behind(clock: Clock) -> None:
    precedence = clock.tools.precedence
    small_ones_are_behind(precedence)
    waiting = asyncio.create_task(waited(clock, Lane.BULK))
    while not waiting.done():
        await asyncio.sleep(0)
        small_ones_are_behind(precedence)
    assert waiting.result() == pytest.approx(MOST_SECONDS, abs=0.06)


@pytest.mark.parametrize(("topic", "waits"), [(TOPICS.requests, 3), (TOPICS.requests_express, 0)])
async def test_it_waits_between_windows_and_chunks(clock: Clock, topic: str, waits: int) -> None:
    class Late(Precedence):
        """Small ones are always behind."""

        async def give_way(self, lane: Lane) -> None:
            small_ones_are_behind(self)
            await super().give_way(lane)

    tools = replace(clock.tools, precedence=Late(clock.world._monotonic, clock._sleep))
    record = replace(clock.world.record(*NUMBERS), topic=topic)
    await clock.world.expand(record, tools)  # three chunks of two windows
    expanded = clock.slept
    assert expanded == pytest.approx(waits * MOMENT_SECONDS, abs=0.2)
    await clock.world.deliver_all(tools)
    assert clock.slept - expanded == pytest.approx(3 * MOMENT_SECONDS, abs=0.2)  # after the last window it is closed


async def test_a_retry_waits_for_nobody(clock: Clock) -> None:
    provider = clock.world.providers[0]
    provider.answers = lambda _, nth: Sent("m") if nth else Retry(Reason.UNAVAILABLE, None, 60)
    await clock.world.expand(clock.world.record(*NUMBERS))
    await clock.world.deliver_all(clock.tools)
    clock.world.pass_time(61)
    small_ones_are_behind(clock.tools.precedence)
    await clock.world.deliver_all(clock.tools)
    assert len(await clock.world.logs()) == len(NUMBERS)
    assert clock.slept == 0


@pytest.mark.parametrize(
    ("late_seconds", "call_seconds", "expected"),
    [(2 * LATE_SECONDS, 0.01, True), (LATE_SECONDS / 2, 0.01, False), (2 * LATE_SECONDS, 5.0, False)],
    ids=["late", "in time", "late for its slow provider"],
)
async def test_a_late_start_is_noticed(clock: Clock, late_seconds: float, call_seconds: float, expected: bool) -> None:  # noqa: FBT001
    async def send(message: Message) -> SendResult:
        clock.world.pass_time(call_seconds)
        return Sent(message.id)

    clock.world.providers[0].send = send
    for number in NUMBERS:
        await clock.world.expand(clock.world.record(number, request_id=f"r{number}", send_at=LATER))
    clock.world.pass_time(300 + late_seconds)
    await clock.world.deliver_all(clock.tools)
    assert (await waited(clock, Lane.BULK) > 0) is expected


class Slow(Claimer):
    """Each claim takes so long."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__(clock.tools)
        self._clock, self._seconds = clock, seconds

    async def _take(self, *args: Any, **options: Any) -> Any:
        self._clock.world.pass_time(self._seconds)
        return await super()._take(*args, **options)


@pytest.mark.parametrize(("seconds", "expected"), [(SLOW_SECONDS / 2, False), (SLOW_SECONDS * 2, True)])
async def test_a_slow_claim_is_noticed(clock: Clock, seconds: float, expected: bool) -> None:  # noqa: FBT001
    tools, topic = clock.tools, Topic()
    await clock.world.expand(clock.world.record(NUMBERS[0]))
    (record,) = topic.call(clock.world)
    slots = slots_for_each_kind(2)
    calls = Calls(Slow(clock, seconds), slots, Reading(tools), tools)
    serving = asyncio.create_task(calls.run())
    await calls.take(Lane.EXPRESS, record, topic.commit)
    await until(lambda: topic.committed)
    assert (tools.precedence._until > tools.monotonic()) is expected
    serving.cancel()
    await asyncio.wait({serving})
