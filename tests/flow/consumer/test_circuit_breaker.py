"""A flood of poison holds one topic up, and nothing of it is given up beyond the limit."""

from dataclasses import replace

from consumer.context import ConsumerContext
from consumer.expand.expansion_queue import expand_or_reject
from consumer.flow_control.circuit_breaker import CircuitBreakerLimits, IntakeCircuitBreaker
from consumer.monitoring.readiness import EXPAND, STUCK_SECONDS
from tests.flow.consumer.test_readiness import later, ready_progress
from tests.flow.world import World
from tests.support.clock import ManualClock

LIMITS = CircuitBreakerLimits(run=2, share=1.0, sample=100)


def flooded(world: World, clock: ManualClock) -> ConsumerContext:
    return replace(world.context(), circuit_breaker=IntakeCircuitBreaker(LIMITS), readiness=ready_progress(clock))


async def test_the_first_record_over_the_limit_waits_and_a_restart_takes_it_up_again() -> None:
    world, clock = World(), ManualClock()
    context = flooded(world, clock)
    for _ in range(2):
        assert await expand_or_reject(world.raw(b"rubbish"), "cluster", context)
    one_too_many = world.raw(b"more rubbish")
    with context.readiness.working_on(EXPAND, one_too_many.topic):
        assert await expand_or_reject(one_too_many, "cluster", context) is False, "so that it is not committed"
        later(clock, context.readiness, STUCK_SECONDS + 1)
        said = {name: trouble for name, trouble in context.readiness.problems().items() if trouble}
        assert said == {
            "intake": "communication.bulk.requests is held: more than 2 records in a row are unusable",
        }
        assert len(world.bus.dead_letters) == 2

    assert await expand_or_reject(one_too_many, "cluster", flooded(world, clock))
    assert [letter.origin for letter in world.bus.dead_letters][2:] == [one_too_many.origin]


async def test_good_records_in_between_let_it_go_on() -> None:
    world = World()
    context = flooded(world, ManualClock())
    for number in range(5):
        for _ in range(2):
            assert await expand_or_reject(world.raw(b"rubbish"), "cluster", context)
        assert await expand_or_reject(world.record("13800000000", request_id=f"r{number}"), "cluster", context)
    assert len(world.bus.dead_letters) == 10
