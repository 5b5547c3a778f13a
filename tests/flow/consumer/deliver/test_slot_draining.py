"""A graceful stop leaves no unsent delivery uncertain and waits for claims under way."""

import asyncio

from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.deliver import deliver
from consumer.flow_control.slots import WorkerSlots
from core.ids import ChunkId
from tests.flow.world import RecordingProvider, World
from tests.support.polling import wait_until

NUMBERS = [f"138000000{n:02d}" for n in range(8)]


async def test_a_delivery_that_waits_for_the_rate_at_shutdown_is_left_to_another_process() -> None:
    world = World(RecordingProvider(rate_per_second=1.0))
    await world.expand(world.record(*NUMBERS[:4]))
    context = world.context()
    leased = await Claimer(context).claim_chunk(ChunkId(world.bus.wake_ups[0][-1]))
    assert leased
    slots = WorkerSlots(1)
    await slots.acquire()
    slots.start(deliver(leased, context))
    await wait_until(lambda: world.providers[0].calls, seconds=10)
    context.stopping.set()
    context.provider_caller.close()
    await asyncio.wait_for(slots.drain(5), 6)
    assert not slots.in_use
    world.providers[0].rate_per_second = None
    await world.settle(3)
    assert await world.outcomes() == [("sent", None)] * 4
    assert all(log.attempts == 1 for log in await world.logs())


async def test_draining_waits_for_a_claim_under_way() -> None:
    slots, claimed, ended = WorkerSlots(2), asyncio.Event(), asyncio.Event()

    async def claim() -> str:
        await claimed.wait()
        return "a chunk"

    async def work() -> None:
        await asyncio.sleep(0)
        ended.set()

    async def handler() -> None:
        await slots.acquire()
        if await slots.run_claim(claim()):
            slots.start(work())

    handling = asyncio.create_task(handler())
    await asyncio.sleep(0)
    draining = asyncio.create_task(slots.drain(5))
    await asyncio.sleep(0)
    claimed.set()
    await draining
    assert ended.is_set()
    await handling
    assert not slots.full


async def test_draining_ends_in_time_and_cancels_the_work_that_is_late() -> None:
    slots = WorkerSlots(1)
    await slots.acquire()
    slots.start(asyncio.Event().wait())  # type: ignore[arg-type]
    await asyncio.wait_for(slots.drain(0.05), 5)
    await wait_until(lambda: not slots.in_use, seconds=5)
    assert not slots.full
