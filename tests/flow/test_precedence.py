"""A large request waits a moment where small ones would be late, and never for long."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from consumer.calls import Calls
from consumer.deliver import Claimer
from consumer.precedence import MOMENT_SECONDS, MOST_SECONDS, SLOW_SECONDS, Precedence
from consumer.reading import Reading
from consumer.slots import slots_for_each_kind
from consumer.sweep import MOST_ASKING, Sweeper
from consumer.tools import Tools
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


async def waited(clock: Clock, lane: Lane) -> float:
    before = clock.slept
    await clock.tools.precedence.give_way(lane)
    return clock.slept - before


async def test_nobody_waits_for_nothing(clock: Clock) -> None:
    assert [await waited(clock, lane) for lane in Lane] == [0, 0]


async def test_only_the_bulk_waits_and_for_a_moment(clock: Clock) -> None:
    clock.tools.precedence.claim()
    assert await waited(clock, Lane.EXPRESS) == 0
    assert await waited(clock, Lane.BULK) == pytest.approx(MOMENT_SECONDS, abs=0.06)
    assert await waited(clock, Lane.BULK) == 0


async def test_the_bulk_gets_on_however_often_small_ones_are_behind(clock: Clock) -> None:
    precedence = clock.tools.precedence
    precedence.claim()
    waiting = asyncio.create_task(waited(clock, Lane.BULK))
    while not waiting.done():
        await asyncio.sleep(0)
        precedence.claim()
    assert waiting.result() == pytest.approx(MOST_SECONDS, abs=0.06)


async def test_it_waits_between_windows_and_between_chunks_of_an_expansion(clock: Clock) -> None:
    class Claiming(Precedence):
        """Small ones are always behind."""

        async def give_way(self, lane: Lane) -> None:
            self.claim()
            await super().give_way(lane)

    tools = replace(clock.tools, precedence=Claiming(clock.world._monotonic, clock._sleep))
    await clock.world.expand(clock.world.record(*NUMBERS), tools)  # three chunks of two windows
    expanded = clock.slept
    await clock.world.deliver_all(tools)
    assert expanded == pytest.approx(3 * MOMENT_SECONDS, abs=0.2)
    assert clock.slept - expanded == pytest.approx(3 * MOMENT_SECONDS, abs=0.2)  # after the last window it is closed


async def test_a_retry_waits_for_nobody(clock: Clock) -> None:
    provider = clock.world.providers[0]
    provider.answers = lambda _, nth: Sent("m") if nth else Retry(Reason.UNAVAILABLE, None, 60)
    await clock.world.expand(clock.world.record(*NUMBERS))
    await clock.world.deliver_all(clock.tools)
    clock.world.pass_time(61)
    clock.tools.precedence.claim()
    await clock.world.deliver_all(clock.tools)
    assert len(await clock.world.logs()) == len(NUMBERS)
    assert clock.slept == 0


async def due_small_ones(clock: Clock, number: int) -> None:
    for n in range(number):
        await clock.world.expand(clock.world.record(NUMBERS[n], request_id=f"r{n}", send_at=LATER))
    clock.world.pass_time(301)


async def behind(tools: Tools, slots: int) -> bool:
    """Whether a sweep finds that small ones are behind."""
    kept = slots_for_each_kind(slots)
    sweeper = Sweeper(tools, Claimer(tools), kept, kept)
    sweeping = asyncio.create_task(sweeper.due_chunks(SMALL))
    await asyncio.wait({sweeping}, timeout=5)
    assert sweeping.done()
    return tools.precedence._until > tools.monotonic()


@pytest.mark.parametrize(("due", "expected"), [(MOST_ASKING, False), (12, True)])
async def test_much_that_is_due_at_once_is_noticed(clock: Clock, due: int, expected: bool) -> None:  # noqa: FBT001
    await due_small_ones(clock, due)
    assert await behind(clock.tools, slots=20) is expected


async def test_a_slow_provider_makes_nobody_give_way(clock: Clock) -> None:
    """Its slots are taken: what keeps the rest is not this machine."""
    await due_small_ones(clock, 7)
    assert not await behind(clock.tools, slots=7)


@pytest.mark.parametrize(("seconds", "expected"), [(SLOW_SECONDS / 2, False), (SLOW_SECONDS * 2, True)])
async def test_a_slow_claim_is_noticed(clock: Clock, seconds: float, expected: bool) -> None:  # noqa: FBT001
    class Slow(Claimer):
        async def chunk(self, chunk_id: object) -> None:
            del chunk_id
            clock.world.pass_time(seconds)

    tools, topic = clock.tools, Topic()
    await clock.world.expand(clock.world.record(NUMBERS[0]))
    (record,) = topic.call(clock.world)
    slots = slots_for_each_kind(2)
    calls = Calls(Slow(tools), slots, Reading(tools), tools)
    serving = asyncio.create_task(calls.run())
    await calls.take(Lane.EXPRESS, record, topic.commit)
    await until(lambda: topic.committed)
    assert (tools.precedence._until > tools.monotonic()) is expected
    serving.cancel()
    await asyncio.wait({serving})
