"""Wake-up messages: no channel waits for the slots of the other, and none is committed before its claim."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from consumer.context import ConsumerContext
from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.flow_control.slots import SlotKey, WorkerSlots, build_slots
from consumer.kafka.offset_tracker import OffsetTracker, TrackedRecord
from consumer.kafka.record import KafkaRecord
from core.send_result import SendResult
from providers.draft import Draft
from schemas.results import ChunkPointer
from schemas.statuses import Channel, Lane
from tests.flow.consumer.test_sweeper import NUMBERS, with_fault
from tests.flow.world import RecordingProvider, World
from tests.support.polling import wait_until

MAIL = {"channel": "email", "subject": "Hello"}


class Topic:
    """One partition with the wake-up messages of both channels, and its committed offsets."""

    def __init__(self) -> None:
        self.records: list[KafkaRecord] = []
        self.committed: list[int] = []
        self._tracker = OffsetTracker(asyncio.Event(), asyncio.sleep)

    def append(self, value: bytes) -> KafkaRecord:
        record = KafkaRecord("chunks", 0, len(self.records), 0, None, value, ())
        self.records.append(record)
        return record

    def call(self, world: World) -> list[KafkaRecord]:
        """Return the wake-up messages that the expansion published, in order."""
        made, world.bus.wake_ups = list(world.bus.wake_ups), []
        pointers = [ChunkPointer(chunk_id=chunk, channel=channel) for _, channel, chunk in made]
        return [self.append(pointer.model_dump_json().encode()) for pointer in pointers]

    def read(self, record: KafkaRecord) -> TrackedRecord:
        return self._tracker.start(record, self.commit)

    async def commit(self, until: int) -> bool:
        self.committed.append(until)
        return True


@asynccontextmanager
async def serving(context: ConsumerContext, slots: dict[SlotKey, WorkerSlots]) -> AsyncIterator[WakeUpQueue]:
    calls = WakeUpQueue(Claimer(context), slots, context)
    running = asyncio.create_task(calls.run())
    try:
        yield calls
    finally:
        context.stopping.set()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await asyncio.gather(*(one.drain(5) for one in slots.values()))


class Hanging(RecordingProvider):
    """A provider that does not answer until the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.answering = asyncio.Event()

    async def send_one(self, draft: Draft) -> SendResult:
        await self.answering.wait()
        return await super().send_one(draft)


async def test_a_hanging_provider_does_not_delay_the_messages_of_the_other_channel() -> None:
    world, topic = World(sms := Hanging(), mail := RecordingProvider("post", Channel.EMAIL)), Topic()
    for number in range(4):
        await world.expand(world.record(NUMBERS[0], request_id=f"sms-{number}"))
    await world.expand(world.record("ann@example.com", request_id="mail", **MAIL))
    async with serving(world.context(), build_slots(1)) as calls:
        for record in topic.call(world):
            await calls.enqueue(Lane.EXPRESS, record, topic.read(record))
        await wait_until(lambda: mail.calls.total() == 1, seconds=10)
        assert not sms.calls
        assert topic.committed == [1], "the second SMS still waits for the slot"
        sms.answering.set()
        await wait_until(lambda: len(world.events("request.completed")) == 5, seconds=10)
        assert topic.committed[-1] == 5
        assert topic.committed == sorted(set(topic.committed))


async def test_a_message_that_waits_at_shutdown_is_not_committed() -> None:
    world, topic = World(sms := Hanging()), Topic()
    for number in range(3):
        await world.expand(world.record(NUMBERS[0], request_id=f"sms-{number}"))
    context = world.context()
    async with serving(context, build_slots(1)) as calls:
        for record in topic.call(world):
            await calls.enqueue(Lane.EXPRESS, record, topic.read(record))
        await wait_until(lambda: topic.committed, seconds=10)
        context.stopping.set()
        sms.answering.set()
    assert topic.committed == [1]


async def test_a_partition_that_is_read_again_replaces_the_messages_that_waited() -> None:
    """After a rebalance the same messages come again. None is processed twice, and old ones commit nothing."""
    world, topic = World(sms := Hanging()), Topic()
    for number in range(5):
        await world.expand(world.record(NUMBERS[0], request_id=f"sms-{number}"))
    context, faulty = with_fault(world, "claim", 0)
    async with serving(context, build_slots(1)) as calls:
        records = topic.call(world)
        for record in records:
            await calls.enqueue(Lane.EXPRESS, record, topic.read(record))
        await wait_until(lambda: topic.committed, seconds=10)
        for record in (*records[1:], *records[1:]):
            await calls.enqueue(Lane.EXPRESS, record, topic.read(record))
        sms.answering.set()
        await wait_until(lambda: topic.committed[-1] == 5, seconds=10)
        await wait_until(lambda: len(world.events("request.completed")) == 5, seconds=10)
        assert sms.calls.total() == 5
        assert faulty.calls == 6, "the first, the one that waited for a slot when it came again, and four"


async def test_a_failed_claim_releases_its_slot_and_the_sweeper_finds_the_chunk() -> None:
    world, topic = World(), Topic()
    for number in range(2):
        await world.expand(world.record(NUMBERS[0], request_id=f"sms-{number}"))
    context, _ = with_fault(world, "claim", 1)
    async with serving(context, slots := build_slots(1)) as calls:
        for record in topic.call(world):
            await calls.enqueue(Lane.EXPRESS, record, topic.read(record))
        await wait_until(lambda: len(world.events("request.completed")) == 1, seconds=10)
        await wait_until(lambda: topic.committed[-1] == 2, seconds=10)
        await wait_until(lambda: not any(one.full for one in slots.values()), seconds=10)


async def test_a_message_that_cannot_be_decoded_is_skipped() -> None:
    world, topic = World(), Topic()
    async with serving(world.context(), build_slots(1)) as calls:
        for value in (b"", b"{}", b'{"chunk_id": "chk_1", "channel": "pigeon"}'):
            record = topic.append(value)
            await calls.enqueue(Lane.BULK, record, topic.read(record))
    assert topic.committed == [3]
