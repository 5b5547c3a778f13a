"""A flood of garbage holds one topic up, and nothing of it is given up beyond the limit. Nothing else holds it up."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

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


def guarded(world: World) -> ConsumerContext:
    breaker = IntakeCircuitBreaker(CircuitBreakerLimits(run=100, share=0.5, sample=500))
    return replace(world.context(), circuit_breaker=breaker)


async def victim_is_served(world: World, context: ConsumerContext) -> None:
    await world.expand(world.record("13800138000", request_id="victim", tenant_id="good"), context)
    await world.deliver_all(context)
    assert [event["tenant_id"] for event in world.events("request.completed")] == ["good"]


async def test_requests_with_a_reply_topic_that_does_not_exist_hold_nobody_up() -> None:
    world = World()
    world.limits = replace(world.limits, reply_topics=("replies.*",))
    context = guarded(world)
    for number in range(140):
        assert await expand_or_reject(
            world.record("13800138000", tenant_id=f"t{number}", reply_topic="replies.nobody"), "cluster", context
        )
    assert not context.readiness.problems()["intake"]
    await victim_is_served(world, context)
    assert {event["reason"] for event in world.events("request.rejected")} == {"reply_topic_refused"}


CHOICES: dict[str, dict[str, Any]] = {
    "an unknown template": {"template": "none", "content": ...},
    "a content that is not a template": {"content": "Hello {{"},
    "a subject with a line break": {"channel": "email", "recipients": ["a@example.com"], "subject": "a\nb"},
    "a time too far ahead": {"send_at": "2036-01-02T03:04:05Z"},
    "a subject that is too long": {"channel": "email", "subject": "x" * 10_000},
    "an unknown channel": {"channel": "fax"},
    "too many addresses in cc": {"channel": "email", "subject": "x", "cc": ["a@example.com"] * 11},
}


@pytest.mark.parametrize("said", CHOICES.values(), ids=CHOICES)
async def test_a_refusal_that_the_choice_of_the_caller_explains_does_not_count(said: dict[str, Any]) -> None:
    world = World()
    context = guarded(world)
    for number in range(140):
        body = {"recipients": ["13800138000"], **said}
        record = world.record(*body.pop("recipients"), tenant_id=f"t{number}", **body)
        assert await expand_or_reject(record, "cluster", context)
    assert len(world.events("request.rejected")) == 140
    await victim_is_served(world, context)


async def test_a_request_id_that_is_used_with_other_bodies_does_not_count() -> None:
    world = World()
    context = guarded(world)
    for content in ("first", "second", "third"):
        for number in range(70):
            record = world.record("13800138000", tenant_id=f"t{number}", content=content)
            assert await expand_or_reject(record, "cluster", context)
    assert {event["reason"] for event in world.events("request.rejected")} == {"request_conflict"}
    assert len(world.bus.dead_letters) == 140


GARBAGE = {
    "no value": None,
    "no JSON": b"rubbish",
    "no object": b"[]",
    "no field of a request": b"{}",
    "fields of another schema": b'{"tenant": "t1", "body": 1}',
    "a wrong type": b'{"tenant_id": ["t1"]}',
    "too large": b'{"content": "' + b"x" * 1_100_000,
}


@pytest.mark.parametrize("value", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_without_a_tenant_opens_the_breaker(value: bytes | None) -> None:
    world = World()
    context = guarded(world)
    for _ in range(100):
        assert await expand_or_reject(world.raw(value), "cluster", context)
    assert not await expand_or_reject(world.raw(value), "cluster", context)
    assert len(world.bus.dead_letters) == 100


@pytest.mark.parametrize(
    "said",
    [{"nonsense": 1}, {"recipients": [1]}, {"schema_version": 99}, {"content": ["x"]}],
    ids=["unknown field", "wrong type", "newer version", "no text"],
)
async def test_garbage_of_one_tenant_goes_to_the_dead_letters_and_stops_no_other_tenant(said: dict[str, Any]) -> None:
    world = World()
    context = guarded(world)
    body = {"channel": "sms", "content": "x", "recipients": ["13800138000"], "tenant_id": "evil", **said}
    for _ in range(600):
        assert await expand_or_reject(world.raw(orjson.dumps(body)), "cluster", context)
    assert len(world.bus.dead_letters) == 600
    await victim_is_served(world, context)
