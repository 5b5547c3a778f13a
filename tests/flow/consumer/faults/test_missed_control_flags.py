"""A chunk that missed a cancel or pause, and two crashes in a row. The owner after a take-over reads the flags."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from core.ids import request_key
from ledger.request_control import cancel_request, pause_request
from tests.flow.world import LEASE_SECONDS, Killed, RecordingProvider, Steps, World

KEY = request_key("t1", "r1")


class OrderedWhileInserting(Steps):
    """Steps with a cancel or pause right before the first chunk is written, and a crash right after it."""

    def __init__(self, order: Callable[[], Awaitable[Any]]) -> None:
        super().__init__()
        self._order = order

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if name != "chunks.insert":
            return await super().step(name, call)
        await self._order()
        await call()
        raise Killed


class DiesOfAsking(Steps):
    """Steps of a process that dies before it reads the control flags of a request."""

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if name == "requests.control_flags":
            raise Killed
        return await super().step(name, call)


@pytest.mark.parametrize(("order", "left"), [(cancel_request, "cancelled"), (pause_request, None)])
async def test_a_take_over_of_a_chunk_without_the_control_flags_sends_nothing(order: Any, left: str | None) -> None:
    world = World(RecordingProvider())
    steps = OrderedWhileInserting(lambda: order(world.ledger, KEY))
    record = world.record(*(f"138000000{n:02d}" for n in range(4)), part=0, last=False)
    assert await world.run_until_killed(world.expand(record, world.context(steps)))
    world.pass_time(61)
    assert await world.run_until_killed(world.deliver_all(world.context(DiesOfAsking())))
    world.pass_time(LEASE_SECONDS + 1)
    await world.deliver_all()
    assert not world.providers[0].calls
    assert [status for status, _ in await world.outcomes()] == ["unknown"] * 2 + [left] * 2 * bool(left)
