"""Slots of a provider: their limit shrinks and grows, and nobody who waits is forgotten."""

import asyncio

import pytest

from providers.connection_slots import GROW_SECONDS, ConnectionSlots, NoFreeConnectionError
from schemas.statuses import Lane
from tests.support.clock import ManualClock


class Sends:
    """Sends that hold a slot until they are told to end."""

    def __init__(self, slots: ConnectionSlots) -> None:
        self._slots = slots
        self.running: dict[int, asyncio.Event] = {}
        self.order: list[int] = []

    async def send(self, number: int, lane: Lane, *, again: bool = False) -> None:
        async with self._slots.send_time() as latest_start, self._slots.slot(lane, latest_start, again=again):
            self.order.append(number)
            self.running[number] = asyncio.Event()
            await self.running[number].wait()
        del self.running[number]

    def start(self, number: int, lane: Lane = Lane.BULK, *, again: bool = False) -> "asyncio.Task[None]":
        return asyncio.create_task(self.send(number, lane, again=again))


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def slots(clock: ManualClock) -> ConnectionSlots:
    return ConnectionSlots(4, 10.0, clock)


async def test_a_smaller_limit_lets_nobody_start_until_enough_have_ended(slots: ConnectionSlots) -> None:
    sends = Sends(slots)
    tasks = [sends.start(number) for number in range(6)]
    await _turns()
    slots.shrink(2)
    started = []
    for number in range(6):
        sends.running[number].set()
        await _turns()
        started.append(len(sends.order))
    await asyncio.gather(*tasks)

    assert started == [4, 4, 5, 6, 6, 6]


async def test_the_limit_is_at_least_one_and_at_most_the_count_of_the_entry(
    slots: ConnectionSlots, clock: ManualClock
) -> None:
    slots.shrink(0)
    limits = [slots.limit]
    for _ in range(5):
        clock.now += GROW_SECONDS
        limits.append(slots.limit)

    assert limits == [1, 2, 3, 4, 4, 4]


async def test_a_refusal_starts_the_time_to_grow_anew(slots: ConnectionSlots, clock: ManualClock) -> None:
    slots.shrink(2)
    clock.now += GROW_SECONDS - 1
    slots.shrink(2)
    clock.now += GROW_SECONDS - 1

    assert slots.limit == 2
    assert slots.is_reduced


async def test_who_waits_again_comes_first(slots: ConnectionSlots) -> None:
    slots.shrink(1)
    sends = Sends(slots)
    tasks = [sends.start(0), sends.start(1)]
    await _turns()
    tasks.append(sends.start(2, again=True))
    await _turns()
    for number in (0, 2, 1):
        sends.running[number].set()
        await _turns()
    await asyncio.gather(*tasks)

    assert sends.order == [0, 2, 1]


async def test_the_express_lane_comes_first_and_the_bulk_lane_has_every_fifth_turn(slots: ConnectionSlots) -> None:
    slots.shrink(1)
    sends = Sends(slots)
    bulk, express = range(4), range(10, 18)
    tasks = [sends.start(number) for number in bulk]
    await _turns()
    tasks += [sends.start(number, Lane.EXPRESS) for number in express]
    while len(sends.order) <= len(bulk) + len(express) - 1 or sends.running:
        await _turns()
        for event in sends.running.values():
            event.set()
    await asyncio.gather(*tasks)

    assert sends.order == [0, 10, 11, 12, 13, 1, 14, 15, 16, 17, 2, 3]


async def test_a_cancelled_wait_leaves_its_place_to_the_next(slots: ConnectionSlots) -> None:
    slots.shrink(1)
    sends = Sends(slots)
    tasks = [sends.start(number) for number in range(3)]
    await _turns()
    sends.running[0].set()
    tasks[1].cancel()  # in the same turn in which it may get the slot
    await _turns()
    sends.running[2].set()
    await asyncio.gather(tasks[0], tasks[2])

    assert sends.order == [0, 2]


async def test_a_wait_ends_after_half_of_the_time_out(clock: ManualClock) -> None:
    slots = ConnectionSlots(1, 0.2, clock)
    async with slots.acquired(Lane.BULK):
        with pytest.raises(NoFreeConnectionError):
            async with slots.acquired(Lane.BULK):
                pass
