"""Liveness, readiness and metrics of the consumer, over HTTP."""

import itertools
from dataclasses import replace

import aiohttp
import pytest

from consumer.monitoring.http_server import start_health
from consumer.monitoring.readiness import (
    BUS_SECONDS,
    EXPAND,
    LEDGER_SECONDS,
    STUCK_SECONDS,
    SUBSCRIPTION_GRACE_SECONDS,
    ReadinessTracker,
)
from consumer.provider_caller import ProviderCaller
from devstack.processes import free_port
from schemas.statuses import Lane, Reason, Status
from tests.flow.world import RecordingProvider, World
from tests.support.clock import ManualClock

NUMBERS = [f"138000000{n:02d}" for n in range(5)]


def later(clock: ManualClock, progress: ReadinessTracker, seconds: float) -> None:
    """Ledger and bus went on answering all the while."""
    clock.now += seconds
    progress.ledger_answered()
    progress.bus_answered()


def ready_progress(clock: ManualClock, longest_call_seconds: float = 0.0) -> ReadinessTracker:
    progress = ReadinessTracker(clock, longest_call_seconds)
    progress.ledger_answered()
    progress.bus_answered()
    progress.groups_joined()
    return progress


def test_it_is_ready_only_when_everything_answers_and_it_takes_work() -> None:
    clock = ManualClock()
    assert not ReadinessTracker(clock).ready
    assert ready_progress(clock).ready


@pytest.mark.parametrize(
    ("seconds", "wrong"),
    [(LEDGER_SECONDS, {"mongodb"}), (BUS_SECONDS, {"mongodb", "kafka"})],
)
def test_a_dependency_that_is_silent_is_named(seconds: float, wrong: set[str]) -> None:
    clock = ManualClock()
    progress = ready_progress(clock)
    clock.now += seconds
    assert {name for name, trouble in progress.problems().items() if trouble} == wrong
    assert not progress.ready


def test_a_record_that_does_not_end_is_no_progress_even_though_everything_answers() -> None:
    clock = ManualClock()
    progress = ready_progress(clock)
    with progress.working_on(EXPAND, "communication.bulk.requests"):
        later(clock, progress, STUCK_SECONDS + 1)
        progress.record_progress(Lane.BULK)
        assert progress.problems()["progress"] == "stuck: communication.bulk.requests"
        assert not progress.ready
    assert progress.ready


def test_a_record_that_waits_while_its_lane_moves_is_not_stuck() -> None:
    clock = ManualClock()
    progress = ready_progress(clock)
    with progress.working_on(Lane.BULK, "communication.chunks"):
        for _ in range(4):
            later(clock, progress, STUCK_SECONDS - 1)
            assert progress.ready
            progress.record_progress(Lane.BULK)
        later(clock, progress, STUCK_SECONDS + 1)
        assert not progress.ready


def test_a_window_is_given_as_long_as_its_slowest_call() -> None:
    clock = ManualClock()
    progress = ready_progress(clock, longest_call_seconds=300)
    with progress.working_on(Lane.BULK, "communication.chunks"):
        later(clock, progress, STUCK_SECONDS + 299)
        assert progress.ready


def test_chunks_in_hand_that_do_not_move_are_no_progress_even_though_no_record_waits() -> None:
    clock = ManualClock()
    progress = ready_progress(clock)
    later(clock, progress, 10 * STUCK_SECONDS)  # idle
    progress.set_lane_active(Lane.EXPRESS, some=True)
    later(clock, progress, STUCK_SECONDS - 1)
    progress.set_lane_active(Lane.EXPRESS, some=True)
    assert progress.ready
    later(clock, progress, 2)
    progress.record_progress(Lane.BULK)
    assert progress.problems()["progress"] == "stuck: chunks of the express lane"
    progress.record_progress(Lane.EXPRESS)
    assert progress.ready
    progress.set_lane_active(Lane.EXPRESS, some=False)
    later(clock, progress, STUCK_SECONDS + 1)
    assert progress.ready


def test_nothing_published_and_loops_that_have_ended_are_named() -> None:
    progress = ready_progress(ManualClock())
    progress.update_loops(can_publish=False, sweeper_running=False, wake_ups_running=False)
    assert {name for name, trouble in progress.problems().items() if trouble} == {"publishing", "sweeper", "calls"}


@pytest.mark.parametrize(
    ("ended", "named"),
    [("can_publish", "publishing"), ("sweeper_running", "sweeper"), ("wake_ups_running", "calls")],
)
def test_each_loop_that_has_ended_is_named_by_itself(ended: str, named: str) -> None:
    progress = ready_progress(ManualClock())
    loops = {"can_publish": True, "sweeper_running": True, "wake_ups_running": True}
    progress.update_loops(**{**loops, ended: False})
    assert {name for name, trouble in progress.problems().items() if trouble} == {named}
    progress.update_loops(**loops)
    assert progress.ready


def test_a_subscription_in_trouble_is_named_once_the_trouble_lasts() -> None:
    clock = ManualClock()
    progress = ready_progress(clock)
    progress.update_subscriptions({"a": "the consume loop has ended", "b": None})
    later(clock, progress, SUBSCRIPTION_GRACE_SECONDS - 1)
    progress.update_subscriptions({"a": None, "b": "the consumer is not a member of its group"})
    later(clock, progress, SUBSCRIPTION_GRACE_SECONDS - 1)
    progress.update_subscriptions({"a": "the consume loop has ended", "b": "the consumer is not a member of its group"})
    assert progress.ready
    later(clock, progress, 2)
    assert progress.problems()["subscriptions"] == "b: the consumer is not a member of its group"


async def test_what_waits_for_a_slow_rate_moves_with_every_turn() -> None:
    world = World(RecordingProvider(rate_per_second=0.1))
    context = world.context()
    moments: list[float] = []

    class Noted(ReadinessTracker):
        def record_progress(self, *kinds: str) -> None:
            moments.append(world._monotonic())
            super().record_progress(*kinds)

    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)

    caller = ProviderCaller(context.metrics, world._monotonic, sleep)
    await world.expand(world.record(*NUMBERS), context)
    await world.deliver_all(replace(context, readiness=Noted(world._monotonic), provider_caller=caller))
    assert moments[-1] > 30
    assert max(after - before for before, after in itertools.pairwise(moments)) < 11


async def test_the_three_pages() -> None:
    world = World()
    context = world.context()
    await world.expand(world.record(*NUMBERS, "12"), context)
    await world.deliver_all(context)
    clock, port = ManualClock(), free_port()
    progress = ready_progress(clock)
    runner = await start_health("127.0.0.1", port, progress, context.metrics)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            assert (await session.get("/healthz")).status == 200
            assert (await session.get("/readyz")).status == 200
            clock.now += 100
            answer = await session.get("/readyz")
            assert answer.status == 503
            said = await answer.json()
            assert said["code"] == 503
            assert said["message"] == "not ready: kafka: does not answer. mongodb: does not answer"
            assert said["dependencies"]["kafka"] == {"ready": False, "trouble": "does not answer"}
            assert said["dependencies"]["progress"] == {"ready": True, "trouble": None}
            page = await (await session.get("/metrics")).text()
    finally:
        await runner.cleanup()
    assert f'rollcall_deliveries_total{{reason="",status="{Status.SENT}"}} 5.0' in page
    assert f'reason="{Reason.INVALID_RECIPIENT}",status="{Status.FAILED}"}} 1.0' in page
    assert 'rollcall_outcome_age_seconds_count{lane="bulk"} 6.0' in page
    assert 'rollcall_provider_seconds_count{answer="sent",provider="book"} 5.0' in page
    assert "rollcall_windows_open 0.0" in page
    assert "13800000000" not in page


def test_a_process_that_stops_does_not_say_that_it_is_about_to_begin() -> None:
    progress = ready_progress(ManualClock())
    progress.stop_began()
    assert progress.problems()["subscriptions"] == "given up"
