"""Limits across all processes: what waits for a permit, and what goes back into the ledger."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.deliver import deliver
from consumer.flow_control.shared_limits import SharedLimits
from consumer.flow_control.shared_rate import RateCap
from core.ids import ChunkId
from core.period_limits import PeriodLimits
from core.send_result import SendResult, Sent
from providers.draft import Draft
from schemas.statuses import Reason, Status
from schemas.tenant_settings import ChannelLimits, TenantLimits, TenantSettings
from tests.flow.world import RecordingProvider, World

NUMBERS = [{"to": f"1390013{number:04d}"} for number in range(40)]


def limited(world: World, **cap: Any) -> Any:
    """Return a process whose provider has this cap. Its waits move the clock of the world."""

    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)
        await asyncio.sleep(0)

    context = world.context()
    limits = SharedLimits({"book": RateCap(**cap)}, world.ledger.permits, context.monotonic, sleep)
    return replace(context, shared_limits=limits)


async def test_a_window_is_sent_at_the_rate_of_all_processes() -> None:
    world = World()
    world.limits = replace(world.limits, chunk_size=40, window_size=40)
    await world.expand(world.record(*NUMBERS))
    began = world.time
    await world.deliver_all(limited(world, per_second=10))

    assert (world.time - began).total_seconds() > 3.9
    assert sum(world.providers[0].taken.values()) == 40


async def test_an_sms_takes_a_permit_for_each_segment() -> None:
    world = World()
    world.limits = replace(world.limits, chunk_size=40, window_size=40)
    await world.expand(world.record(*NUMBERS[:10], content="x" * 161))
    began = world.time
    await world.deliver_all(limited(world, per_second=10, counts_segments=True))

    assert (world.time - began).total_seconds() > 1.9
    assert sum(world.providers[0].taken.values()) == 10


async def test_deliveries_that_would_wait_too_long_go_back_without_an_attempt_and_are_sent_later() -> None:
    world = World()
    world.limits = replace(world.limits, chunk_size=40, window_size=40)
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(limited(world, per_second=1))

    sent = sum(world.providers[0].taken.values())
    (document,) = world.ledger.chunks._store.chunks.values()  # type: ignore[attr-defined]
    work = document.chunk.work
    assert 10 <= sent < 20
    assert (work.waiting, document.owner) == (40 - sent, None)
    histories = [line.history for line in work.retries]
    histories += work.next.histories.values() if work.next else []
    assert {(each.reason, each.waited) for each in histories} == {(Reason.RATE_LIMITED, timedelta())}

    for _ in range(60):
        world.pass_time(5)
        await world.deliver_all(limited(world, per_second=1))
    logs = await world.logs()
    assert [(log.outcome, log.attempts) for log in logs] == [(Status.SENT, 1)] * 40
    assert set(world.providers[0].taken.values()) == {1}


async def limit(world: World, **limits: int) -> None:
    settings = TenantSettings(limits=TenantLimits(sms=ChannelLimits(**limits)))
    assert await world.ledger.tenants.put("t1", settings, 0)


async def test_a_tenant_at_its_limit_waits_in_the_ledger_and_other_tenants_are_sent() -> None:
    world = World()
    await limit(world, max_per_min=5)
    await world.expand(world.record(*NUMBERS[:12]))
    await world.expand(world.record(*NUMBERS[12:24], tenant_id="t2", request_id="r2"))
    await world.deliver_all()

    assert sum(world.providers[0].taken.values()) == 5 + 12
    assert {log.outcome for log in await world.logs("r2", "t2")} == {Status.SENT}
    assert {document.owner for document in world.ledger.chunks._store.open_chunks()} == {None}  # type: ignore[attr-defined]


async def test_each_minute_sends_its_limit_without_an_attempt_or_age_for_those_that_wait() -> None:
    world = World()
    await limit(world, max_per_min=5)
    await world.expand(world.record(*NUMBERS[:12]))
    context, by_minute = world.context(), Counter[datetime]()
    for _ in range(200):
        before = sum(world.providers[0].taken.values())
        await world.deliver_all(context)
        by_minute[world.time.replace(second=0)] += sum(world.providers[0].taken.values()) - before
        world.pass_time(1)

    assert max(by_minute.values()) == 5
    logs = await world.logs()
    assert [(log.outcome, log.attempts) for log in logs] == [(Status.SENT, 1)] * 12


async def test_what_a_stop_held_back_gives_its_permits_back() -> None:
    world = World()
    await limit(world, max_per_day=5)
    await world.expand(world.record(*NUMBERS[:4]))
    context = limited(world, per_second=1)
    *_, chunk = world.bus.wake_ups.pop(0)
    taken = await Claimer(context).claim_chunk(ChunkId(chunk))
    assert taken is not None
    world.providers[0].answers = lambda message, _: context.stopping.set() or Sent(message.id)  # type: ignore[func-returns-value]
    await deliver(taken, context)
    sent = sum(world.providers[0].taken.values())
    assert sent == 1

    assert (await world.ledger.permits.take("tenant t1 sms", PeriodLimits(day=5), 5)).permits == 4


@dataclass
class BatchProvider(RecordingProvider):
    """A provider that takes three messages in a call."""

    batch_size = 3
    sizes: list[int] = field(default_factory=list)

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        self.sizes.append(len(drafts))
        return [await self.send_one(draft) for draft in drafts]


async def test_a_call_of_several_messages_has_those_that_got_a_permit() -> None:
    provider = BatchProvider()
    world = World(provider)
    world.limits = replace(world.limits, chunk_size=8, window_size=8)
    await limit(world, max_per_min=4)
    await world.expand(world.record(*NUMBERS[:8]))
    await world.deliver_all()
    assert provider.sizes == [3, 1]

    await world.settle()
    assert sum(provider.sizes) == 8
    assert [log.attempts for log in await world.logs()] == [1] * 8
