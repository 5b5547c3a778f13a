"""One bad document, topic or request does not stop the sweeper, a slot or a partition for the others."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumer.context import ConsumerContext
from consumer.deliver.claim_chunks import Claimer
from consumer.flow_control.slots import SlotKey, WorkerSlots, build_slots
from consumer.kafka.bus import BusUnavailable
from consumer.kafka.partition_writer import PartitionWriter
from consumer.kafka.record import KafkaRecord
from consumer.sweep.sweeper import Sweeper
from consumer.sweep.unfinished_requests import REQUESTS_PER_ROUND, UnfinishedRequests
from core.ids import request_key
from core.send_result import SendResult
from providers.draft import Draft
from schemas.statuses import Channel
from tests.flow.world import LEASE_SECONDS, START, TOPICS, RecordingProvider, Steps, World
from tests.support.builders import LEDGER_PORTS
from tests.support.polling import wait_until

NUMBERS = [f"138000000{n:02d}" for n in range(8)]


class Faulty:
    """A ledger whose method meets an unreadable document for a number of calls."""

    def __init__(self, inner: object, method: str, times: int) -> None:
        self._inner, self._method, self.left = inner, method, times
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name in LEDGER_PORTS:
            self._inner_of = Part(value, self)
            return self._inner_of
        return value


class Part:
    def __init__(self, inner: object, faulty: Faulty) -> None:
        self._inner, self._faulty = inner, faulty

    def __getattr__(self, name: str) -> Any:
        value, faulty = getattr(self._inner, name), self._faulty
        if name != faulty._method:
            return value

        async def call(*args: Any, **named: Any) -> Any:
            faulty.calls += 1
            if faulty.left > 0:
                faulty.left -= 1
                raise ValueError("'later' is not a valid Status")
            return await value(*args, **named)

        return call


def with_fault(world: World, method: str, times: int) -> tuple[ConsumerContext, Faulty]:
    context = world.context()
    faulty = Faulty(context.ledger, method, times)
    return replace(context, ledger=faulty), faulty


def sweeper_of(context: ConsumerContext, slots: dict[SlotKey, WorkerSlots]) -> Sweeper:
    return Sweeper(context, Claimer(context), slots, slots)


@pytest.mark.parametrize("method", ["claim_due", "take_unfinished", "count_open_by_lane"])
async def test_the_sweeper_goes_on_after_a_document_that_it_cannot_read(method: str) -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:2]))
    world.bus.wake_ups.clear()
    world.pass_time(61)
    context, faulty = with_fault(world, method, 6)
    slots = build_slots(2)
    sweeping = asyncio.create_task(sweeper_of(context, slots).run())
    try:
        await wait_until(lambda: sweeping.done() or world.events("request.completed"), seconds=10)
        assert not sweeping.done()
        assert faulty.calls
        assert not any(slot.full for slot in slots.values())
    finally:
        context.stopping.set()
        await sweeping


async def test_one_round_checks_a_bounded_number_of_unfinished_requests() -> None:
    world = World()
    for number in range(REQUESTS_PER_ROUND + 20):
        await world.expand(world.record(NUMBERS[0], request_id=f"r{number}", part=0, last=False))
    world.pass_time(60)
    context, faulty = with_fault(world, "take_unfinished", 0)
    await UnfinishedRequests(context).check_next()
    assert 1 < faulty.calls <= REQUESTS_PER_ROUND


async def test_a_hanging_provider_leaves_slots_for_due_chunks_of_the_other_channel() -> None:
    answering = asyncio.Event()

    class Hanging(RecordingProvider):
        async def send_one(self, draft: Draft) -> SendResult:
            await answering.wait()
            return await super().send_one(draft)

    world = World(Hanging(), mail := RecordingProvider("post", Channel.EMAIL))
    soon = (START + timedelta(seconds=60)).isoformat()
    for number in range(12):
        await world.expand(world.record(NUMBERS[0], request_id=f"sms-{number}", send_at=soon))
    for number in range(3):
        said = {"channel": "email", "subject": "Hello", "send_at": soon}
        await world.expand(world.record("ann@example.com", request_id=f"mail-{number}", **said))
    world.pass_time(61)
    context, slots = world.context(), build_slots(4)
    sweeping = asyncio.create_task(sweeper_of(context, slots).run())
    try:
        await wait_until(lambda: mail.calls.total() == 3, seconds=10)
        assert len(world.events("request.completed")) <= 3
        answering.set()
        await wait_until(lambda: len(world.events("request.completed")) == 15, seconds=10)
    finally:
        answering.set()
        context.stopping.set()
        await sweeping


class BrokenProducer:
    """A producer that fails once with an unexpected error and works afterwards."""

    def __init__(self) -> None:
        self.broken = True

    def create_batch(self) -> Any:
        return _Batch()

    async def send_batch(self, *_: object, **__: object) -> Any:
        if self.broken:
            self.broken = False
            raise RuntimeError("not a Kafka error")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class _Batch:
    def append(self, **_: object) -> object:
        return self


async def test_an_error_of_the_producer_reaches_the_writer_that_waits() -> None:
    async def answered(call: Any) -> Any:
        return await call

    world = World()
    await world.expand(world.record(NUMBERS[0]))
    event = world.bus.events["communication.results"][0][1]
    writer = PartitionWriter(BrokenProducer(), "t", 0, answered, answered)
    with pytest.raises(BusUnavailable):
        await asyncio.wait_for(writer.write(b"k", [event], 0), 5)
    await asyncio.wait_for(writer.write(b"k", [event], 0), 5)


async def test_a_reply_topic_deleted_at_any_step_loses_and_blocks_no_recipient() -> None:
    for kill_at in itertools.count():
        world = World(reply_topics=["mine"])
        record = world.record("12", *NUMBERS[:5], reply_topic="mine")

        async def work(context: ConsumerContext, world: World = world, record: KafkaRecord = record) -> None:
            await world.expand(record, context)
            await world.deliver_all(context)

        died = await world.run_until_killed(work(world.context(Steps(kill_at))))
        begun = await world.ledger.requests.get(request_key("t1", "r1"))
        world.bus.delete_topic("mine")
        if kill_at % 2:
            world.limits = replace(world.limits, reply_topics=())  # the settings no longer allow it either
        world.pass_time(LEASE_SECONDS + 61)
        await asyncio.wait_for(work(world.context()), 20)
        await asyncio.wait_for(world.settle(3), 20)
        events = [event for topic in ("mine", TOPICS.results) for event in world.events(topic=topic)]
        if begun:
            assert len({event["event_id"] for event in events if event["type"] == "request.completed"}) == 1
            logs = await world.logs()
            assert len(logs) == 6
            assert {event["log_id"] for event in events if "log_id" in event} == {log.id for log in logs}
            assert not world.bus.dead_letters
        else:
            assert [event["type"] for event in events] == ["request.rejected"]
        if not died:
            break
    assert kill_at > 20


async def test_a_completion_under_way_is_published_before_the_process_stops() -> None:
    world = World()
    await world.expand(world.record(NUMBERS[0], request_id="r1"))
    context = world.context()
    publishing, allowed = asyncio.Event(), asyncio.Event()
    publish = world.bus.publish_events

    async def publish_when_allowed(*args: Any) -> None:
        publishing.set()
        await allowed.wait()
        await publish(*args)

    await world.deliver_all(context)
    document = world.ledger.requests._store.requests[request_key("t1", "r1")]
    document.request = replace(document.request, completion_published=False)
    world.pass_time(60)
    world.bus.publish_events = publish_when_allowed  # type: ignore[method-assign]
    sweeping = asyncio.create_task(sweeper_of(context, build_slots(1)).run())
    await publishing.wait()
    context.stopping.set()
    allowed.set()
    await sweeping

    stored = await world.ledger.requests.get(request_key("t1", "r1"))
    assert stored
    assert stored.completion_published
