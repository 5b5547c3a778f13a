"""Chunks wait for room in memory before they are opened."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from consumer.context import ConsumerContext
from consumer.deliver.claim_chunks import MAX_WAITING_BYTES, Claimer, LeasedChunk
from consumer.deliver.deliver import deliver
from consumer.events import Event
from consumer.flow_control.byte_room import ByteRoom
from consumer.kafka.memory_bus import MemoryBus
from consumer.kafka.record import KafkaRecord
from core.ids import ChunkId, log_id, request_key
from core.send_result import SendResult
from providers.draft import Draft
from schemas.statuses import Status
from tests.flow.world import TOPICS, RecordingProvider, World, awake
from tests.support.polling import wait_until

NUMBERS = [f"138000000{n:02d}" for n in range(4)]
LARGE = MAX_WAITING_BYTES


class WaitingProvider(RecordingProvider):
    """A provider that answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()
        self.asked: list[str] = []

    async def send_one(self, draft: Draft) -> SendResult:
        self.asked.append(draft.id)
        await self.may_answer.wait()
        return await super().send_one(draft)


class HeldBus(MemoryBus):
    """A bus that takes events when it may, and shows those that wait."""

    def __init__(self) -> None:
        super().__init__(TOPICS.results)
        self.may_take = asyncio.Event()
        self.may_take.set()
        self.held: list[Event] = []

    async def publish_events(self, topic: str, key: str, events: Sequence[Event]) -> None:
        if not self.may_take.is_set():
            self.held += events
        await self.may_take.wait()
        await super().publish_events(topic, key, events)


def large_record(world: World, request_id: str, tenant_id: str) -> KafkaRecord:
    recipients = [{"to": number, "variables": {"name": "x" * (LARGE // 2)}} for number in NUMBERS]
    return world.record(*recipients, content="Hi", request_id=request_id, tenant_id=tenant_id, key=request_id.encode())


async def claim(world: World, context: ConsumerContext) -> LeasedChunk:
    *_, chunk = world.bus.wake_ups.pop(0)
    leased = await Claimer(context).claim_chunk(ChunkId(chunk))
    assert leased is not None
    return leased


async def a_world_with_large_chunks(number: int) -> World:
    world = World(WaitingProvider())
    for index in range(number):
        await world.expand(large_record(world, f"r{index}", f"large{index}"))
    return world


def the_provider(world: World) -> WaitingProvider:
    provider = world.providers[0]
    assert isinstance(provider, WaitingProvider)
    return provider


async def run_until_waiting() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_the_chunks_in_hand_never_exceed_their_room() -> None:
    world = await a_world_with_large_chunks(12)
    provider = the_provider(world)
    context = replace(awake(world.context()), chunk_room=ByteRoom(16 * LARGE))
    tasks = [asyncio.create_task(deliver(await claim(world, context), context)) for _ in range(12)]
    used: list[int] = []
    for _ in range(40):
        await run_until_waiting()
        used.append(context.chunk_room.used)
        provider.may_answer.set()
    await asyncio.gather(*tasks)
    assert 0 < max(used) <= 16 * LARGE
    assert context.chunk_room.used == 0
    assert sum(provider.taken.values()) == 12 * len(NUMBERS)


async def test_a_large_chunk_that_waits_holds_nothing_of_its_recipients() -> None:
    world = await a_world_with_large_chunks(1)
    leased = await claim(world, world.context())
    chunk = leased.claimed.chunk
    assert (chunk.sealed, chunk.masked, chunk.hashes, chunk.references) == (b"", (), b"", None)
    assert leased.data_bytes > 2 * LARGE
    await leased.load(world.ledger.chunks)
    stored = await world.ledger.chunks.get(chunk.id)
    assert stored is not None
    assert leased.claimed.chunk.sealed == stored.sealed
    assert leased.claimed.chunk.work == chunk.work


async def test_a_chunk_that_waits_for_room_at_a_stop_is_put_back_and_none_of_it_is_uncertain() -> None:
    world = await a_world_with_large_chunks(1)
    context = awake(world.context())
    context.chunk_room.close()
    await deliver(await claim(world, context), context)
    the_provider(world).may_answer.set()
    await world.settle(3)
    assert [log.outcome for log in await world.logs("r0", "large0")] == [Status.SENT] * len(NUMBERS)


async def test_a_small_chunk_does_not_wait_for_large_ones() -> None:
    world = await a_world_with_large_chunks(12)
    provider = the_provider(world)
    context = replace(awake(world.context()), chunk_room=ByteRoom(256 * 10_000))
    tasks = [asyncio.create_task(deliver(await claim(world, context), context)) for _ in range(12)]
    await run_until_waiting()
    await world.expand(world.record(NUMBERS[0], request_id="small"))
    tasks.append(asyncio.create_task(deliver(await claim(world, context), context)))
    await run_until_waiting()
    assert len(provider.asked) < 12 * len(NUMBERS)
    assert log_id(request_key("t1", "small"), 0, 0) in provider.asked
    provider.may_answer.set()
    await asyncio.gather(*tasks)


async def test_what_the_events_take_while_kafka_is_away_is_part_of_the_room() -> None:
    world, bus = World(), HeldBus()
    world.bus, world.limits = bus, replace(world.limits, chunk_size=100, window_size=100)
    await world.expand(world.record(*[f"1380000{n:04}" for n in range(100)]))
    bus.may_take.clear()
    context = awake(world.context())
    delivering = asyncio.create_task(deliver(await claim(world, context), context))
    await wait_until(lambda: len(bus.held) == 100)
    assert context.chunk_room.used > 2 * sum(len(event.body) for event in bus.held)  # each event and its batch
    bus.may_take.set()
    await delivering
    assert context.chunk_room.used == 0


async def test_a_chunk_that_waits_behind_others_holds_nothing_of_its_recipients() -> None:
    world = World(WaitingProvider())
    for request_id in map(str, range(7)):
        recipients = [{"to": number, "variables": {"name": "x" * 8_000}} for number in NUMBERS]
        await world.expand(world.record(*recipients, request_id=request_id, key=request_id.encode()))
    context = replace(awake(world.context()), chunk_room=ByteRoom(8 * 32_000))
    leased = [await claim(world, context) for _ in range(7)]
    tasks = [asyncio.create_task(deliver(each, context)) for each in leased]
    await run_until_waiting()
    assert context.chunk_room.has_waiters
    assert not leased[-1].claimed.chunk.sealed
    the_provider(world).may_answer.set()
    await asyncio.gather(*tasks)
    assert sum(the_provider(world).taken.values()) == 7 * len(NUMBERS)
