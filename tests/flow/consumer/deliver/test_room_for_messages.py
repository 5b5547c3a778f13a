"""Messages wait for room in memory before they are made."""

import asyncio
from dataclasses import replace

from consumer.context import ConsumerContext
from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.deliver import deliver
from consumer.flow_control.byte_room import ByteRoom
from core.ids import ChunkId
from core.send_result import SendResult
from core.text_limits import TextLimits
from providers.draft import Draft
from tests.flow.world import RecordingProvider, World, awake

TEXT = 20_000
ROOM = 16 * TEXT * 4
RECIPIENTS = 60


class CountingProvider(RecordingProvider):
    """A provider that holds each message for some turns, and counts the bytes that it has at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.in_hand = self.most = 0
        self.may_answer = asyncio.Event()

    async def send_one(self, draft: Draft) -> SendResult:
        self.in_hand += draft.size
        self.most = max(self.most, self.in_hand)
        answer = await super().send_one(draft)
        await self.may_answer.wait()
        await asyncio.sleep(0)
        self.in_hand -= draft.size
        return answer


async def start(world: World, context: ConsumerContext, request_id: str, content: str, **body: object) -> None:
    numbers = [f"138{request_id[-1]}{n:07d}" for n in range(RECIPIENTS)]
    await world.expand(world.record(*numbers, content=content, request_id=request_id, key=request_id.encode(), **body))
    *_, chunk = world.bus.wake_ups.pop()
    leased = await Claimer(context).claim_chunk(ChunkId(chunk))
    assert leased is not None
    TASKS.append(asyncio.create_task(deliver(leased, context)))
    for _ in range(RECIPIENTS):
        await asyncio.sleep(0)


TASKS: list[asyncio.Task[None]] = []


def a_process() -> tuple[World, CountingProvider, ConsumerContext]:
    provider = CountingProvider()
    world = World(provider)
    limits = TextLimits(sms_segments=TEXT)
    world.limits = replace(world.limits, chunk_size=RECIPIENTS, window_size=RECIPIENTS, text_limits=limits)
    TASKS.clear()
    return world, provider, replace(awake(world.context()), message_room=ByteRoom(ROOM))


async def test_the_messages_in_hand_never_exceed_their_room() -> None:
    world, provider, context = a_process()
    for request in ("r1", "r2", "r3"):
        await start(world, context, request, "x" * TEXT, tenant_id=f"t{request}")
    provider.may_answer.set()
    await asyncio.gather(*TASKS)
    assert TEXT < provider.most <= ROOM
    assert context.message_room.used == 0
    assert sum(provider.taken.values()) == 3 * RECIPIENTS


async def test_a_tenant_with_large_messages_leaves_room_to_the_others() -> None:
    world, provider, context = a_process()
    await start(world, context, "r1", "x" * TEXT, tenant_id="large")
    assert provider.in_hand <= ROOM // 2
    before = provider.in_hand
    await start(world, context, "r2", "x" * TEXT, tenant_id="good")
    assert provider.in_hand > before
    provider.may_answer.set()
    await asyncio.gather(*TASKS)


async def test_small_messages_do_not_wait_for_large_ones() -> None:
    world, provider, context = a_process()
    for request in ("r1", "r2", "r3"):
        await start(world, context, request, "x" * TEXT, tenant_id=f"t{request}")
    before = provider.in_hand
    await start(world, context, "r4", "Hello")
    assert provider.in_hand - before >= RECIPIENTS
    provider.may_answer.set()
    await asyncio.gather(*TASKS)


async def test_messages_that_wait_for_room_at_a_stop_are_put_back_and_none_is_uncertain() -> None:
    world, provider, context = a_process()
    await start(world, context, "r1", "x" * TEXT)
    context.message_room.close()
    context.stopping.set()
    provider.may_answer.set()
    await asyncio.gather(*TASKS)
    assert 0 < sum(provider.taken.values()) < RECIPIENTS
    await world.settle(3)
    assert set(await world.outcomes()) == {("sent", None)}
    assert set(provider.taken.values()) == {1}
