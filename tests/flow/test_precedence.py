"""A large request waits a moment where small ones would be late, and never for long."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumer.calls import Calls
from consumer.deliver import Claimer
from consumer.precedence import MOMENT_SECONDS, MOST_SECONDS, SLOW_SECONDS, Precedence
from consumer.reading import Reading
from consumer.slots import slots_for_each_kind
from consumer.sweep import Sweeper
from core.outcome import Retry, Sent
from schemas.statuses import Channel, Lane, Reason
from tests.flow.test_attack_sweeper import until
from tests.flow.test_calls import Topic
from tests.flow.world import START, Accounting, World

SMALL = (Lane.EXPRESS, Channel.SMS)
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
    precedence.look(precedence._monotonic() - 2 * SLOW_SECONDS)


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


async def test_it_waits_between_windows(clock: Clock) -> None:
    class Late(Precedence):
        """Small ones are always behind."""

        async def give_way(self, lane: Lane) -> None:
            small_ones_are_behind(self)
            await super().give_way(lane)

    tools = replace(clock.tools, precedence=Late(clock.world._monotonic, clock._sleep))
    await clock.world.expand(clock.world.record(*NUMBERS), tools)  # three chunks of two windows
    assert clock.slept == 0
    await clock.world.deliver_all(tools)
    assert clock.slept == pytest.approx(3 * MOMENT_SECONDS, abs=0.2)  # after the last window it is closed


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


async def due_small_ones(clock: Clock, number: int) -> None:
    for n in range(number):
        await clock.world.expand(clock.world.record(NUMBERS[n], request_id=f"r{n}", send_at=LATER))
    clock.world.pass_time(301)


class Slow(Claimer):
    """Each claim takes so long."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__(clock.tools)
        self._clock, self._seconds = clock, seconds

    async def _take(self, *args: Any) -> Any:
        self._clock.world.pass_time(self._seconds)
        return await super()._take(*args)


async def behind(clock: Clock, claimer: Claimer, slots: int) -> bool:
    """Whether a sweep finds that small ones are behind."""
    kept = slots_for_each_kind(slots)
    sweeping = asyncio.create_task(Sweeper(clock.tools, claimer, kept, kept).due_chunks(SMALL))
    await asyncio.wait({sweeping}, timeout=5)
    assert sweeping.done()
    return clock.tools.precedence._until > clock.tools.monotonic()


@pytest.mark.parametrize(("seconds", "expected"), [(0, False), (0.01, False), (0.05, True)])
async def test_what_is_due_and_takes_long_to_claim_is_noticed(clock: Clock, seconds: float, expected: bool) -> None:  # noqa: FBT001
    await due_small_ones(clock, 12)
    assert await behind(clock, Slow(clock, seconds), slots=20) is expected


async def test_a_slow_provider_makes_nobody_give_way(clock: Clock) -> None:
    """Its slots are taken: what keeps the rest is not this machine."""
    await due_small_ones(clock, 7)
    hanging, kept = asyncio.Event(), slots_for_each_kind(3)
    clock.world.providers[0].send = lambda _: hanging.wait()
    sweeping = asyncio.create_task(Sweeper(clock.tools, Slow(clock, 0.2), kept, kept).due_chunks(SMALL))
    await until(lambda: kept[SMALL].taken == 3)
    await asyncio.wait({sweeping}, timeout=0.2)
    assert clock.tools.precedence._until < clock.tools.monotonic()
    sweeping.cancel()
    await kept[SMALL].drain(0)


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
