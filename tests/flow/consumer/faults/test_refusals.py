"""A step ends that Kafka or MongoDB refuses for good. No record, delivery or request of another caller waits for it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from consumer.context import ConsumerContext
from consumer.events import MAX_EVENT_BYTES, Event, RejectedRecord
from consumer.expand.expansion_queue import expand_or_reject
from consumer.expand.reject import reject_record
from consumer.flow_control.reply_topic_health import MAX_FAILED_TOPICS, RETRY_SECONDS, ReplyTopicHealth
from consumer.kafka.bus import BusRejected, BusTimeout, BusUnavailable
from consumer.publish_results import MAX_REPLY_TOPIC_REJECTIONS, MAX_REPLY_TOPIC_SECONDS
from ledger.dead_letter_format import open_record
from ledger.errors import LedgerRefused
from ledger.models import Log
from schemas.statuses import RejectionReason
from tests.flow.world import TOPICS, Steps, World, awake
from tests.support.clock import ManualClock

NUMBERS = [f"138000000{n:02d}" for n in range(3)]


class CountingBus:
    """A bus that counts the tries of each topic, and can be away as a whole."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.tries, self.is_away = inner, dict[str, int](), False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        self.tries[topic] = self.tries.get(topic, 0) + 1
        assert self.tries[topic] < 1_000, "it is tried without an end"
        self._check()
        await self._inner.publish_events(topic, key, events)

    async def topic_was_deleted(self, topic: str) -> bool:
        self._check()
        return bool(await self._inner.topic_was_deleted(topic))

    def _check(self) -> None:
        if self.is_away:
            raise BusTimeout("no answer")


def sleeping(world: World, context: ConsumerContext) -> ConsumerContext:
    """Return a context whose waits move the clock of the world."""
    inner = awake(context)

    async def sleep(seconds: float) -> None:
        await inner.sleep(seconds)  # without an end for the keeper of a lease
        world.pass_time(seconds)

    return replace(inner, sleep=sleep)


def context_with(world: World) -> tuple[ConsumerContext, CountingBus]:
    bus = CountingBus(world.bus)
    return sleeping(world, replace(world.context(), bus=bus)), bus  # type: ignore[arg-type]


# ---------------------------------------------------------------------- reply topics


@pytest.mark.parametrize("error", [BusRejected("Kafka: InvalidTimestampError"), BusTimeout("no answer")])
async def test_a_reply_topic_that_takes_no_events_is_tried_within_a_bound_and_then_not_waited_for(
    error: BusUnavailable,
) -> None:
    world = World(reply_topics=["mine"])
    world.bus.fail_topic("mine", error)
    context, bus = context_with(world)
    began = world.time
    await world.expand(world.record(*NUMBERS, reply_topic="mine"), context)
    assert (world.time - began).total_seconds() < MAX_REPLY_TOPIC_SECONDS + 5
    assert len(world.events("request.accepted")) == 1, "on the default topic"
    tries, began = bus.tries["mine"], world.time
    if isinstance(error, BusRejected):
        assert tries == MAX_REPLY_TOPIC_REJECTIONS
    for number in range(50):
        await world.expand(world.record(*NUMBERS, request_id=f"more-{number}", reply_topic="mine"), context)
    assert bus.tries["mine"] == tries, "every request of this caller occupies a place for a while"
    assert world.time == began
    await world.deliver_all(context)
    assert len(world.events("request.completed")) == 51


async def test_a_failed_reply_topic_is_tried_once_in_a_while_and_used_again() -> None:
    world = World(reply_topics=["mine"])
    world.bus.fail_topic("mine", BusRejected("no permission"))
    context, bus = context_with(world)
    await world.expand(world.record(*NUMBERS, reply_topic="mine"), context)
    world.pass_time(RETRY_SECONDS)
    for number in range(5):
        await world.expand(world.record(*NUMBERS, request_id=f"second-{number}", reply_topic="mine"), context)
    assert bus.tries["mine"] == MAX_REPLY_TOPIC_REJECTIONS + 1
    world.bus._failing.clear()
    world.pass_time(RETRY_SECONDS)
    for number in range(5):
        await world.expand(world.record(*NUMBERS, request_id=f"third-{number}", reply_topic="mine"), context)
    assert len(world.events("request.accepted", "mine")) == 5


async def test_after_an_outage_of_kafka_events_go_to_their_reply_topic() -> None:
    world = World(reply_topics=["mine"])
    context, bus = context_with(world)
    await world.expand(world.record(*NUMBERS, request_id="before", reply_topic="mine"), context)
    bus.is_away = True

    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)
        bus.is_away = world.time < began or (world.time - began).total_seconds() < 10 * MAX_REPLY_TOPIC_SECONDS

    began = world.time
    away = replace(context, sleep=sleep)
    await world.expand(world.record(*NUMBERS, reply_topic="mine"), away)
    assert len(world.events("request.accepted", "mine")) == 2
    assert not world.events()


def test_the_failed_reply_topics_that_are_remembered_are_bounded() -> None:
    health = ReplyTopicHealth(ManualClock())
    for number in range(2 * MAX_FAILED_TOPICS):
        health.failed(f"topic {number}")
    assert len(health._retry_at) == MAX_FAILED_TOPICS
    assert health.start_try("topic 0")
    assert not health.start_try(f"topic {2 * MAX_FAILED_TOPICS - 1}")


@pytest.mark.parametrize(("age", "may_be_new"), [(0, True), (2, False)])
async def test_a_topic_is_looked_up_twice_only_for_a_record_that_is_as_new(age: float, *, may_be_new: bool) -> None:
    """The second look takes half a second, in which the record occupies a place of the intake."""
    world = World(reply_topics=["mine"])
    asked: list[bool] = []

    class Bus(CountingBus):
        async def topic_exists(self, topic: str, *, may_be_new: bool) -> bool:
            asked.append(may_be_new)
            return bool(await world.bus.topic_exists(topic))

    record = world.record(*NUMBERS, reply_topic="mine")
    world.pass_time(age)
    await world.expand(record, replace(world.context(), bus=Bus(world.bus)))  # type: ignore[arg-type]
    assert asked == [may_be_new]


@pytest.mark.parametrize("name", [b"x" * 250, b"a b", b"\xff", "r\u00e4".encode(), b""])
async def test_a_header_that_is_not_the_name_of_a_topic_is_refused_without_a_question(name: bytes) -> None:
    world = World()
    world.limits = replace(world.limits, reply_topics=("*",))
    steps = Steps()
    await world.expand(world.record(*NUMBERS, headers=[("reply_to", name)]), world.context(steps))
    assert "bus.topic_exists" not in steps.done
    assert [event["reason"] for event in world.events("request.rejected")] == ["reply_topic_refused"]


# ---------------------------------------------------------------------- what is too large


async def test_an_event_that_the_default_topic_never_takes_is_dropped_and_the_dead_letter_is_kept() -> None:
    world = World()
    world.bus.limit_event_bytes(TOPICS.results, MAX_EVENT_BYTES)
    context, _ = context_with(world)
    endless = RejectedRecord(RejectionReason.INVALID_SCHEMA, "x" * 1_000_000, request_id="r1", tenant_id="t1")
    await reject_record(world.raw(b"{}"), endless, context)
    assert len(world.bus.dead_letters) == 1
    assert context.metrics.dropped_events._value.get() == 1
    await world.expand(world.record(*NUMBERS, request_id="next"), context)
    assert len(world.events("request.accepted")) == 1


async def test_a_record_with_an_endless_field_name_gets_its_event_and_the_next_record_is_handled() -> None:
    world = World()
    world.bus.limit_event_bytes(TOPICS.results, 4_000)
    context, _ = context_with(world)
    names = {"z" * 1_000_000 + ".x": 1}
    assert await expand_or_reject(world.record(*NUMBERS, **names), "cluster", context)
    assert await expand_or_reject(world.record(*NUMBERS, request_id="next"), "cluster", context)
    (rejected,) = world.events("request.rejected")
    assert rejected["reason"] == "invalid_schema"
    assert "zz" not in repr(rejected)
    assert [event["request_id"] for event in world.events("request.accepted")] == ["next"]
    assert context.readiness.problems()["intake"] is None


async def test_a_default_topic_that_takes_no_event_at_all_is_waited_for() -> None:
    """An operator made the limit too small, and can change it."""
    world = World()
    world.bus.limit_event_bytes(TOPICS.results, 64)
    context, bus = context_with(world)

    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)
        if bus.tries[TOPICS.results] == 20:
            world.bus.limit_event_bytes(TOPICS.results, MAX_EVENT_BYTES)

    await world.expand(world.record(*NUMBERS), replace(context, sleep=sleep))
    assert len(world.events("request.accepted")) == 1


async def test_a_dead_letter_that_is_too_large_for_its_topic_is_shortened() -> None:
    world = World()
    world.bus.max_dead_letter_bytes = 600_000
    record = world.raw(b"{" + b"x" * 900_000)
    context, _ = context_with(world)
    assert await expand_or_reject(record, "cluster", context)
    (letter,) = world.bus.dead_letters
    opened = open_record(world.sealer, letter.sealed)
    assert opened.cut
    assert opened.length == 900_001
    assert (record.value or b"").startswith(opened.value or b"-")
    assert 200_000 < len(letter.sealed) < 600_000


# ---------------------------------------------------------------------- what MongoDB refuses


class RefusingLogs:
    """Logs of a MongoDB that refuses each document with a text of the caller."""

    def __init__(self, inner: Any, *, refuses_all: bool = False) -> None:
        self._inner, self._refuses_all = inner, refuses_all

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def insert_or_get(self, logs: Sequence[Log]) -> list[Log]:
        if any(log.reference == "refused" for log in logs):
            raise LedgerRefused("code 121")
        stored: list[Log] = await self._inner.insert_or_get(logs)
        return stored


async def test_a_log_that_mongodb_refuses_is_written_without_its_texts_and_the_request_completes() -> None:
    world = World()
    people: list[Any] = [*NUMBERS[:2], {"to": NUMBERS[2], "reference": "refused"}]
    await world.expand(world.record(*people))
    context = world.context()
    world.ledger.logs = RefusingLogs(world.ledger.logs)  # type: ignore[assignment]
    await world.deliver_all(context)
    assert await world.outcomes() == [("sent", None)] * 3
    assert [log.reference for log in await world.logs()] == [None, None, None]
    assert [log.recipient == "***" for log in await world.logs()] == [False, False, True]
    (completed,) = world.events("request.completed")
    assert completed["by_status"] == {"sent": 3}
