"""`cancel`, `pause` and `resume`: the new state, and the number of deliveries that may still be sent."""

import io

import pytest

from cli.console import PrintableConsole
from cli.control_request import apply_control
from cli.errors import CommandError, UnknownRequest
from consumer.deliver.claim_chunks import Claimer
from core.ids import ChunkId
from tests.flow.world import World

GOOD = [f"138000000{n:02d}" for n in range(8)]


async def given(world: World, command: str, request: str = "r1") -> list[str]:
    out = io.StringIO()
    await apply_control(world.ledger, PrintableConsole(file=out, width=200), command, request, "t1")
    return out.getvalue().splitlines()


async def test_a_request_is_paused_resumed_and_cancelled() -> None:
    world = World()
    await world.expand(world.record(*GOOD))
    assert await Claimer(world.context()).claim_chunk(ChunkId(world.bus.wake_ups.pop(0)[-1]))
    most = "at most 2 deliveries that had begun may still be sent"
    assert await given(world, "pause") == ["request r1 is paused", most]
    assert await given(world, "resume") == ["request r1 is sending"]
    assert await given(world, "cancel") == ["request r1 is cancelled", most]
    with pytest.raises(CommandError, match="too late: request r1 is cancelled"):
        await given(world, "pause")


async def test_only_a_scheduled_request_can_be_cancelled_as_scheduled() -> None:
    world = World()
    await world.expand(world.record(*GOOD))
    with pytest.raises(CommandError, match="too late: request r1 is sending"):
        await given(world, "cancel_scheduled")
    with pytest.raises(UnknownRequest):
        await given(world, "cancel", "r2")
