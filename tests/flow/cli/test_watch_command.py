"""`watch` with the in-memory ledger, while a request is delivered."""

import asyncio
import io
import time

import pytest

from cli.console import PrintableConsole
from cli.errors import CommandError, UnknownRequest
from cli.report.summary import Summary
from cli.tracking.watch_ledger import watch
from ledger.errors import LedgerUnavailable
from tests.flow.world import World

GOOD = [f"138000000{n:02d}" for n in range(12)]


async def watched(world: World, **limits: float) -> tuple[Summary, str]:
    out = io.StringIO()
    seconds = {"timeout": 20.0, "known_seconds": 20.0, **limits}
    summary = await watch(world.ledger, PrintableConsole(file=out), "t1", "r1", **seconds)
    return summary, out.getvalue()


async def test_a_request_is_followed_from_before_its_expansion_to_its_end() -> None:
    world = World()
    watching = asyncio.create_task(watched(world))
    await asyncio.sleep(0)
    await world.expand(world.record(*GOOD, "12"))
    await world.deliver_all()
    summary, _ = await watching
    assert summary.accounted
    assert summary.counts == {("sent", None): 12, ("failed", "invalid_recipient"): 1}
    assert [missed.recipient for missed in summary.not_reached] == ["***"]
    assert summary.failures == 1


async def test_a_request_that_is_not_completed_in_time_gets_a_note() -> None:
    world = World()
    await world.expand(world.record(*GOOD))
    begun = time.monotonic()
    summary, _ = await watched(world, timeout=60, spent_seconds=59.9)
    assert time.monotonic() - begun < 30
    assert not summary.accounted
    assert summary.notes[-1] == "not completed within 60 s, but the request continues without this command"


async def test_a_request_that_is_never_expanded_is_unknown() -> None:
    with pytest.raises(UnknownRequest, match="Request r1 of tenant t1 was not found"):
        await watched(World(), known_seconds=0.1)


async def test_a_command_that_loses_mongodb_tells_that_the_request_continues_and_how_to_follow_it() -> None:
    class Lost:
        @property
        def requests(self) -> object:
            raise LedgerUnavailable("MongoDB does not answer")

    with pytest.raises(CommandError) as caught:
        await watch(Lost(), PrintableConsole(file=io.StringIO()), "t1", "r1", timeout=None)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "ROLLCALL_MONGO_URL: MongoDB does not answer. The request continues without this command. "
        "Follow it with `rollcall watch r1 --tenant t1`."
    )
