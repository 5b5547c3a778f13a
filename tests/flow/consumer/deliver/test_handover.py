"""Handover: a process claims the small request that it expanded, if it has a free slot."""

import asyncio

from consumer.flow_control.slots import build_slots
from core.ids import request_key
from tests.flow.consumer.deliver.test_wake_up_queue import Hanging, serving
from tests.flow.consumer.test_sweeper import NUMBERS, with_fault
from tests.flow.world import World
from tests.support.polling import wait_until


async def test_a_small_request_is_delivered_by_its_process_without_a_wake_up_message() -> None:
    world = World()
    context = world.context()
    async with serving(context, build_slots(1)):
        await world.expand(world.record(NUMBERS[0]), context)
        await wait_until(lambda: world.events("request.completed"), seconds=10)

    assert not world.bus.wake_ups


async def test_a_small_request_gets_a_wake_up_message_if_every_slot_is_in_use() -> None:
    world = World(sms := Hanging())
    context = world.context()
    async with serving(context, build_slots(1)):
        for number in range(3):
            await world.expand(world.record(NUMBERS[0], request_id=f"sms-{number}"), context)
        sms.answering.set()

    assert len(world.bus.wake_ups) == 2


async def test_a_chunk_of_a_large_request_is_for_all_processes() -> None:
    world = World()
    context = world.context()
    async with serving(context, build_slots(1)):
        await world.expand(world.record(*NUMBERS[:2], part=0, last=False), context)

    assert len(world.bus.wake_ups) == 1


async def test_a_request_that_cannot_be_written_with_its_claim_is_expanded_step_by_step() -> None:
    world = World()
    context, faulty = with_fault(world, "insert_small_claimed", 1)
    async with serving(context, build_slots(1)):
        await world.expand(world.record(NUMBERS[0]), context)
        await wait_until(lambda: world.events("request.completed"), seconds=10)

    assert faulty.calls
    request = await world.ledger.requests.get(request_key("t1", "r1"))
    assert request
    assert not request.holds_chunk


async def test_a_process_that_refuses_another_body_sends_the_text_of_the_first_one() -> None:
    world = World()
    context = world.context()
    await world.expand(world.record(NUMBERS[0], content="first"))
    async with serving(context, build_slots(1)):
        await world.expand(world.record(NUMBERS[0], content="second"), context)
        await world.deliver_all(context)

    assert [message.text for message in world.providers[0].texts.values()] == ["first"]
    assert world.events("request.rejected")


async def test_a_stop_during_a_claim_leaves_no_delivery_in_doubt() -> None:
    """A stop cancels the expansion. The claim that it waits for may reach MongoDB, and then its chunk is finished."""
    world = World()
    context = world.context()
    async with serving(context, build_slots(1)):
        claiming = asyncio.Event()
        claim = context.handover.claim

        async def told(*about: object, is_new: bool) -> bool | None:
            claiming.set()
            return await claim(*about, is_new=is_new)  # type: ignore[arg-type]

        context.handover.claim = told  # type: ignore[method-assign]
        expansion = asyncio.create_task(world.expand(world.record(NUMBERS[0]), context))
        await claiming.wait()
        await asyncio.sleep(0)
        expansion.cancel()

    assert await world.ledger.chunks.count_in_open_windows(request_key("t1", "r1")) == 0
