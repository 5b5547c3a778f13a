"""Leases during long outages, stalled processes and claims by a second claimer."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumer.context import ConsumerContext
from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.lease import Lease
from core.ids import ChunkId
from core.send_result import Retry, SendResult, Sent
from ledger.errors import LedgerUnavailable
from ledger.sealing import Sealer
from providers.draft import Draft
from schemas.statuses import Channel, Lane, Reason
from tests.flow.world import LEASE_SECONDS, START, RecordingProvider, World, awake
from tests.support.builders import LEDGER_PORTS

NUMBERS = [f"138000000{n:02d}" for n in range(8)]


class Outage:
    """A ledger whose named methods fail for a number of calls. If `applied`, the write happens all the same."""

    def __init__(self, inner: object, world: World, fails: dict[str, int], *, applied: bool, seconds: float) -> None:
        self._inner, self._world, self._fails = inner, world, fails
        self._applied, self._seconds = applied, seconds

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name in LEDGER_PORTS:
            return Outage(value, self._world, self._fails, applied=self._applied, seconds=self._seconds)
        if name not in self._fails:
            return value

        async def call(*args: Any, **named: Any) -> Any:
            if self._fails[name] <= 0:
                return await value(*args, **named)
            self._fails[name] -= 1
            if self._applied:
                await value(*args, **named)
            self._world.pass_time(self._seconds)
            raise LedgerUnavailable("no answer")

        return call


def patient(world: World, fails: dict[str, int], *, applied: bool = False, seconds: float = 0.0) -> ConsumerContext:
    """Return a process that goes on after an outage and never renews its leases."""
    context = awake(world.context())
    ledger = Outage(context.ledger, world, fails, applied=applied, seconds=seconds)
    return replace(context, ledger=ledger)


async def first_chunk(world: World) -> ChunkId:
    return ChunkId(world.bus.wake_ups[0][-1])


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied, the answer lost"])
@pytest.mark.parametrize("step", ["claim", "insert_or_get", "advance", "release"])
async def test_an_outage_longer_than_the_lease_leaves_no_delivery_uncertain(step: str, applied: bool) -> None:  # noqa: FBT001
    world = World(RecordingProvider(answers=lambda _, n: Retry(Reason.UNAVAILABLE) if n == 0 else Sent()))
    await world.expand(world.record("12", *NUMBERS[:5]))
    fails = {step: 3}
    await world.deliver_all(patient(world, fails, applied=applied, seconds=LEASE_SECONDS))
    assert fails[step] == 0
    await world.settle(6)
    assert await world.outcomes() == [("failed", "invalid_recipient"), *[("sent", None)] * 5]
    assert set(world.providers[0].taken.values()) == {1}
    assert len(world.events("request.completed")) == 1


async def test_a_worker_keeps_its_chunk_after_an_outage_without_a_take_over() -> None:
    """The window of a slow provider continues, because no other process claimed the chunk in between."""
    world = World()
    await world.expand(world.record(*NUMBERS[:2]))
    turns: list[asyncio.Event] = []

    async def sleep(seconds: float) -> None:
        del seconds
        turns.append(asyncio.Event())
        await turns[-1].wait()

    async def tick() -> None:
        await asyncio.sleep(0)
        turns[-1].set()
        for _ in range(4):
            await asyncio.sleep(0)

    fails = {"renew": 4}
    context = patient(world, fails)
    leased = await Claimer(context).claim_chunk(await first_chunk(world))
    assert leased
    lease = Lease(leased.claimed.token, world._monotonic(), context.monotonic, sleep)
    async with lease.keep_alive(context.ledger.chunks):
        for _ in range(4):
            await tick()
            world.pass_time(LEASE_SECONDS / 3)
        assert not lease.alive
        await tick()
        assert lease.alive


async def test_two_claimers_of_one_process_use_different_owner_names() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:2]))
    context = world.context()
    stalled = await Claimer(context).claim_chunk(await first_chunk(world))
    world.pass_time(LEASE_SECONDS + 1)
    leased = await Claimer(context).claim_due((Lane.EXPRESS, Channel.SMS))
    assert stalled
    assert leased
    assert leased.claimed.taken_over
    assert leased.claimed.token.fence > stalled.claimed.token.fence
    assert not await context.ledger.chunks.renew(stalled.claimed.token)


async def test_a_chunk_without_a_key_is_released_and_no_delivery_becomes_uncertain() -> None:
    world = World()
    keys = [("k2", bytes([2]) * 32), ("k1", bytes(32))]
    newer = replace(world.context(), sealer=Sealer(keys))
    await world.expand(world.record(*NUMBERS[:4]), newer)
    await world.deliver_all()  # a process that was not told the new key yet
    world.pass_time(LEASE_SECONDS + 61)
    await world.deliver_all(replace(world.context(), sealer=Sealer(keys)))
    assert await world.outcomes() == [("sent", None)] * 4


async def test_a_stalled_process_does_not_expire_deliveries_that_another_process_sends() -> None:
    world = World()
    gate, entered = asyncio.Event(), asyncio.Event()

    class Slow(RecordingProvider):
        async def send_one(self, draft: Draft) -> SendResult:
            entered.set()
            await gate.wait()
            return await super().send_one(draft)

    expires_at = START + timedelta(seconds=LEASE_SECONDS + 60)
    await world.expand(world.record(*NUMBERS[:4], expires_at=expires_at.isoformat()))
    healthy = world.providers
    world.providers = (Slow(),)
    stalled = asyncio.create_task(world.deliver_all(world.context()))
    await entered.wait()
    world.pass_time(LEASE_SECONDS + 1)  # its lease is over

    class Late(RecordingProvider):
        async def send_one(self, draft: Draft) -> SendResult:
            answer = await super().send_one(draft)
            if not gate.is_set():  # Accepted and not logged yet. Now the request expires.
                world.pass_time(60)
                gate.set()
                await asyncio.wait([stalled], timeout=5)
            return answer

    world.providers = (late := Late(), *healthy[1:])
    await world.deliver_all(world.context())
    await stalled
    await world.settle(4)
    for log in await world.logs():
        assert not (late.taken[log.id] and log.outcome.value == "expired"), "logged as expired, and it was sent"


async def test_a_delivery_logged_by_a_stalled_process_is_not_sent_again_in_a_later_window() -> None:
    """The request says `resend`. The new owner is refused by one provider and asks the next one."""
    world = World(RecordingProvider("first"), RecordingProvider("second"))
    gate, entered = asyncio.Event(), asyncio.Semaphore(0)

    class Slow(RecordingProvider):
        async def send_one(self, draft: Draft) -> SendResult:
            answer = await super().send_one(draft)
            entered.release()
            await gate.wait()
            return answer

    await world.expand(world.record(*NUMBERS[:2], on_uncertain="resend"))
    world.providers = (slow := Slow("first"), RecordingProvider("second"))
    stalled = asyncio.create_task(world.deliver_all(world.context()))
    await entered.acquire()
    await entered.acquire()
    world.pass_time(LEASE_SECONDS + 1)

    class Refusing(RecordingProvider):
        async def send_one(self, draft: Draft) -> SendResult:
            del draft
            gate.set()
            await asyncio.wait([stalled], timeout=5)
            return Retry(Reason.UNAVAILABLE)

    world.providers = (Refusing("first"), second := RecordingProvider("second"))
    await world.deliver_all(world.context())
    await world.settle(4)
    assert sum(slow.taken.values()) == 2
    assert not second.taken, "sent again although its log stands"
    assert await world.outcomes() == [("sent", None)] * 2
