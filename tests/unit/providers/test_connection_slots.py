"""Slots of a provider: nobody who waits is forgotten."""

import asyncio

import pytest

from providers.connection_slots import ConnectionSlots, NoFreeConnectionError
from schemas.statuses import Lane


class Sends:
    """Sends that hold a slot until they are told to end."""

    def __init__(self, slots: ConnectionSlots) -> None:
        self._slots = slots
        self.running: dict[int, asyncio.Event] = {}
        self.order: list[int] = []

    async def send(self, number: int, lane: Lane) -> None:
        async with self._slots.send_time() as latest_start, self._slots.slot(lane, latest_start):
            self.order.append(number)
            self.running[number] = asyncio.Event()
            await self.running[number].wait()
        del self.running[number]

    def start(self, number: int, lane: Lane = Lane.BULK) -> "asyncio.Task[None]":
        return asyncio.create_task(self.send(number, lane))


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_express_lane_comes_first_and_the_bulk_lane_has_every_fifth_turn() -> None:
    sends = Sends(ConnectionSlots(1, 10.0))
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


async def test_a_cancelled_wait_leaves_its_place_to_the_next() -> None:
    sends = Sends(ConnectionSlots(1, 10.0))
    tasks = [sends.start(number) for number in range(3)]
    await _turns()
    sends.running[0].set()
    tasks[1].cancel()  # in the same turn in which it may get the slot
    await _turns()
    sends.running[2].set()
    await asyncio.gather(tasks[0], tasks[2])

    assert sends.order == [0, 2]


async def test_a_wait_ends_after_half_of_the_time_out() -> None:
    slots = ConnectionSlots(1, 0.2)
    async with slots.send_time() as latest_start, slots.slot(Lane.BULK, latest_start):
        with pytest.raises(NoFreeConnectionError):
            async with slots.slot(Lane.BULK, latest_start):
                pass
