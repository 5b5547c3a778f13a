"""Requests of one chunk skip some writes, but readiness and counts stay correct."""

import asyncio
from dataclasses import replace
from typing import Any

from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.deliver import deliver
from core.ids import ChunkId, request_key
from ledger.request_control import cancel_request
from schemas.statuses import Lane, Status
from tests.flow.world import World
from tests.support.polling import wait_until

SECONDS = 3


async def test_a_process_that_closes_small_requests_one_by_one_counts_as_making_progress() -> None:
    world = World()
    context = world.context()
    progress, claimer = context.readiness, Claimer(context)
    for number in range(40):
        await world.expand(world.record("13800138000", request_id=f"r{number}"), context)
    progress.bus_answered()
    progress.ledger_answered()
    with progress.working_on(Lane.EXPRESS, "calls"):  # All wake-up messages were read at one moment.
        pass
    closed = 0
    while world.bus.wake_ups:
        *_, chunk = world.bus.wake_ups.pop(0)
        leased = await claimer.claim_chunk(ChunkId(chunk))
        assert leased is not None
        progress.set_lane_active(Lane.EXPRESS, some=True)
        world.pass_time(SECONDS)
        await deliver(leased, context)
        closed += 1
        assert not progress.problems()["progress"], f"after {closed} requests"
    assert closed == 40


async def test_sent_deliveries_are_counted_while_kafka_accepts_no_events() -> None:
    world, never = World(), asyncio.Event()
    world.limits = replace(world.limits, ack_wait_seconds=0.01)
    context = world.context()
    await world.expand(world.record("13800138000"), context)

    async def hang(*_: Any) -> None:
        await never.wait()

    world.bus.publish_events = hang  # type: ignore[method-assign]
    *_, chunk = world.bus.wake_ups.pop(0)
    leased = await Claimer(context).claim_chunk(ChunkId(chunk))
    assert leased is not None
    delivering = asyncio.create_task(deliver(leased, context))

    async def all_windows_are_closed() -> bool:
        return not await world.ledger.chunks.count_in_open_windows(request_key("t1", "r1"))

    await wait_until(all_windows_are_closed, seconds=10)
    assert await world.ledger.chunks.counts(request_key("t1", "r1")) == {(Status.SENT, None): 1}
    ordered = await cancel_request(world.ledger, request_key("t1", "r1"))
    assert ordered is not None
    assert ordered.may_still_be_sent == 0
    delivering.cancel()
