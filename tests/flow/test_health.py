"""Liveness, readiness and metrics of the consumer, over HTTP."""

import aiohttp
import pytest

from consumer.health import start_health
from consumer.progress import BUS_SECONDS, LEDGER_SECONDS, STUCK_SECONDS, Progress
from devstack.processes import free_port
from schemas.statuses import Reason, Status
from tests.flow.world import World

NUMBERS = [f"138000000{n:02d}" for n in range(5)]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ready_progress(clock: Clock) -> Progress:
    progress = Progress(clock)
    progress.ledger_answered()
    progress.bus_answered()
    progress.subscribed = True
    return progress


def test_it_is_ready_only_when_everything_answers_and_it_takes_work() -> None:
    clock = Clock()
    assert not Progress(clock).ready
    assert ready_progress(clock).ready


@pytest.mark.parametrize(
    ("seconds", "wrong"),
    [(LEDGER_SECONDS, {"mongodb"}), (BUS_SECONDS, {"mongodb", "kafka"})],
)
def test_a_dependency_that_is_silent_is_named(seconds: float, wrong: set[str]) -> None:
    clock = Clock()
    progress = ready_progress(clock)
    clock.now += seconds
    assert {name for name, said in progress.checks().items() if said != "ok"} == wrong
    assert not progress.ready


def test_a_record_that_does_not_end_is_no_progress_even_though_everything_answers() -> None:
    clock = Clock()
    progress = ready_progress(clock)
    with progress.busy("expand communication.bulk.requests"):
        clock.now += STUCK_SECONDS + 1
        progress.ledger_answered()
        progress.bus_answered()
        assert progress.checks()["progress"] == "stuck: expand communication.bulk.requests"
        assert not progress.ready
    assert progress.ready


async def test_the_three_pages() -> None:
    world = World()
    tools = world.tools()
    await world.expand(world.record(*NUMBERS, "12"), tools)
    await world.deliver_all(tools)
    clock, port = Clock(), free_port()
    progress = ready_progress(clock)
    runner = await start_health("127.0.0.1", port, progress, tools.metrics)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            assert (await session.get("/healthz")).status == 200
            assert (await session.get("/readyz")).status == 200
            clock.now += 100
            answer = await session.get("/readyz")
            assert answer.status == 503
            assert (await answer.json())["kafka"] == "does not answer"
            said = await (await session.get("/metrics")).text()
    finally:
        await runner.cleanup()
    assert f'rollcall_deliveries_total{{reason="",status="{Status.SENT}"}} 5.0' in said
    assert f'reason="{Reason.INVALID_RECIPIENT}",status="{Status.FAILED}"}} 1.0' in said
    assert 'rollcall_outcome_age_seconds_count{lane="bulk"} 6.0' in said
    assert 'rollcall_provider_seconds_count{answer="sent",provider="book"} 5.0' in said
    assert "rollcall_windows_open 0.0" in said
    assert "13800000000" not in said
