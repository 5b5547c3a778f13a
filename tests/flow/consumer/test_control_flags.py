"""Cancel, pause, resume and expiry at any moment. Nothing is sent beyond the bound, and no recipient is lost."""

import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.ids import request_key
from core.send_result import Retry, SendResult, Sent
from ledger.ports import Ledger
from ledger.request_control import ControlResult, cancel_request, pause_request, resume_request, state_of
from providers.draft import Draft
from schemas.statuses import OnUncertain, Reason, RequestState
from tests.flow.world import LEASE_SECONDS, START, Killed, RecordingProvider, Steps, World, awake

KEY = request_key("t1", "r1")
NUMBERS = [f"138000000{n:02d}" for n in range(10)]

Order = Callable[[Ledger, Any], Awaitable[ControlResult | None]]


class Ordering(RecordingProvider):
    """A provider whose first call triggers a cancel or pause."""

    def __init__(self, world: World, order: Order) -> None:
        super().__init__()
        self._world, self._order = world, order
        self.ordered: ControlResult | None = None
        self.after = 0

    async def send_one(self, draft: Draft) -> SendResult:
        if self.ordered is None:
            self.ordered = await self._order(self._world.ledger, KEY)
        else:
            self.after += 1
        return await super().send_one(draft)


class OrderedSteps(Steps):
    """Steps with a cancel, pause or resume right before one of them."""

    def __init__(self, world: World, order: Order, at: int, kill_at: int | None = None) -> None:
        super().__init__(kill_at)
        self._world, self._order, self._at = world, order, at
        self.given = False

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if len(self.done) == self._at and not self.dead:
            self.given = await self._order(self._world.ledger, KEY) is not None
        return await super().step(name, call)


async def completed(world: World) -> Counter[str]:
    """Return the outcomes. Check that each delivery has one event and that the completion has the same counts."""
    logs = await world.logs()
    events = {event["log_id"]: event["status"] for event in world.events("delivery")}
    assert events == {log.id: log.outcome.value for log in logs}
    (event,) = world.events("request.completed")
    outcomes = Counter(log.outcome.value for log in logs)
    assert event["by_status"] == outcomes
    return outcomes


def a_world(*recipients: str, **said: Any) -> tuple[World, Any]:
    world = World()
    return world, world.record(*(recipients or NUMBERS), **said)


async def test_a_pause_takes_effect_within_one_window_and_a_resume_goes_on() -> None:
    world, record = a_world()
    provider = Ordering(world, pause_request)
    world.providers = (provider,)
    await world.expand(record)
    await world.deliver_all()
    world.pass_time(1000)
    await world.deliver_all()
    assert provider.ordered is not None
    assert provider.after < provider.ordered.may_still_be_sent == world.limits.window_size
    assert len(provider.taken) == world.limits.window_size
    assert not world.events("request.completed")
    counts = await world.ledger.chunks.counts(KEY)
    assert counts.total() == len(NUMBERS)
    request = await world.ledger.requests.get(KEY)
    assert request is not None
    assert state_of(request, world.ledger.now()) is RequestState.PAUSED

    assert await resume_request(world.ledger, KEY) is not None
    await world.settle(2)
    assert await completed(world) == {"sent": len(NUMBERS)}
    assert max(provider.taken.values()) == 1
    assert await pause_request(world.ledger, KEY) is None, "too late"


async def test_a_cancel_takes_effect_within_one_window() -> None:
    world, record = a_world()
    provider = Ordering(world, cancel_request)
    world.providers = (provider,)
    await world.expand(record)
    await world.deliver_all()
    assert provider.ordered is not None
    assert provider.after < provider.ordered.may_still_be_sent == world.limits.window_size
    await world.settle(2)
    assert await completed(world) == {"sent": world.limits.window_size, "cancelled": 8}


@pytest.mark.parametrize("order", [cancel_request, pause_request], ids=["cancel", "pause"])
async def test_a_cancel_or_pause_during_the_expansion_survives_a_crash(order: Order) -> None:
    """The cancel or pause comes at each step of the expansion, and the crash at each later step."""
    tried = 0
    for at in itertools.count():
        for kill_at in (None, *range(at, at + 5)):
            world, record = a_world()
            steps = OrderedSteps(world, order, at, kill_at)
            died = await world.run_until_killed(world.expand(record, world.context(steps)))
            if not steps.given:
                continue  # before there was a request, or after the expansion
            tried += 1
            await world.deliver_all()
            world.pass_time(61)  # a chunk whose wake-up call was never published is taken by the sweeper
            await world.deliver_all()
            if died:
                await world.expand(record)
                await world.deliver_all()
            assert not world.providers[0].taken, f"ordered before step {at}, killed at {kill_at}"
            await resume_request(world.ledger, KEY)
            await world.settle(2)
            assert await completed(world) == {"cancelled" if order is cancel_request else "sent": len(NUMBERS)}
        if at > len(steps.done):
            break
    assert tried >= 60


async def test_a_resume_during_the_expansion_reaches_chunks_that_were_written_paused() -> None:
    for at in itertools.count():
        world, record = a_world()
        steps = OrderedSteps(world, resume_request, at)
        first = OrderedSteps(world, pause_request, 2, kill_at=3)
        with pytest.raises(Killed):
            await world.expand(record, world.context(first))
        assert first.given
        await world.expand(record, world.context(steps))
        if not steps.given:
            break
        await world.settle(2)
        assert await completed(world) == {"sent": len(NUMBERS)}
    assert at >= 10


async def test_the_sweeper_writes_control_flags_to_chunks_that_missed_them() -> None:
    world, record = a_world()
    await world.expand(record)
    await world.ledger.requests.cancel(KEY)
    world.bus.wake_ups.clear()
    await world.settle(2)
    assert await completed(world) == {"cancelled": len(NUMBERS)}


async def test_uncertain_deliveries_of_a_dead_process_end_unknown_during_a_pause() -> None:
    world, record = a_world()
    steps = Steps()
    await world.expand(record)
    assert await world.run_until_killed(dying_after(2, world, steps))
    await pause_request(world.ledger, KEY)
    world.pass_time(LEASE_SECONDS + 1)
    await world.deliver_all()
    assert await world.outcomes() == [("unknown", "interrupted")] * 2
    assert len(world.providers[0].taken) == 2
    await resume_request(world.ledger, KEY)
    await world.settle(2)
    assert await completed(world) == {"sent": 8, "unknown": 2}


async def test_with_resend_uncertain_deliveries_wait_for_the_resume() -> None:
    world, record = a_world(on_uncertain=OnUncertain.RESEND.value)
    await world.expand(record)
    assert await world.run_until_killed(dying_after(2, world, Steps()))
    await pause_request(world.ledger, KEY)
    world.pass_time(LEASE_SECONDS + 1)
    await world.deliver_all()
    assert sum(world.providers[0].taken.values()) == 2
    assert await world.outcomes() == []
    await cancel_request(world.ledger, KEY)
    await world.settle(2)
    assert await completed(world) == {"cancelled": 8, "unknown": 2}, "in doubt is never cancelled"


async def dying_after(sends: int, world: World, steps: Steps) -> None:
    """Deliver until this many sends were answered, and die before anything is logged."""

    class Dying(RecordingProvider):
        async def send_one(self, draft: Draft) -> SendResult:
            answer = await book.send_one(draft)
            if sum(book.taken.values()) == sends:
                steps.dead = True
            return answer

    book = world.providers[0]
    world.providers = (Dying(),)
    try:
        await world.deliver_all(world.context(steps))
    finally:
        world.providers = (book,)


async def test_a_delivery_that_waits_for_a_retry_expires_at_expires_at() -> None:
    expires_at = (START + timedelta(seconds=60)).isoformat()
    world, record = a_world("13800000001", expires_at=expires_at)
    world.providers = (RecordingProvider(answers=lambda *_: Retry(Reason.UNAVAILABLE, None, 590.0)),)
    await world.expand(record)
    await world.deliver_all()
    world.pass_time(59)
    await world.deliver_all()
    assert await world.outcomes() == []
    world.pass_time(1.001)
    await world.deliver_all()
    assert await world.outcomes() == [("expired", "expired")]
    assert world.providers[0].calls.total() == 1
    await world.settle(1)
    assert await completed(world) == {"expired": 1}


async def test_a_paused_request_expires_at_expires_at() -> None:
    world, record = a_world(expires_at=(START + timedelta(seconds=300)).isoformat())
    await world.expand(record)
    await pause_request(world.ledger, KEY)
    world.pass_time(299)
    await world.deliver_all()
    assert await world.outcomes() == []
    world.pass_time(1)
    await world.deliver_all()
    await world.settle(1)
    assert await completed(world) == {"expired": len(NUMBERS)}
    assert not world.providers[0].taken


async def test_a_delivery_that_waits_for_the_rate_past_the_expiry_is_not_sent() -> None:
    """A rate of one a second, a window of ten, and four seconds."""
    world, record = a_world(expires_at=(START + timedelta(seconds=4)).isoformat())
    world.providers = (RecordingProvider(rate_per_second=1.0),)
    world.limits = replace(world.limits, chunk_size=20, window_size=10)
    context = awake(world.context())

    async def sleep(seconds: float) -> None:
        if seconds < LEASE_SECONDS / 3:
            world.pass_time(seconds)
        await context.sleep(seconds)

    timed = replace(context, sleep=sleep)
    timed.provider_caller._sleep = sleep
    await world.expand(record)
    await world.deliver_all(timed)
    await world.settle(1)
    sent = len(world.providers[0].taken)
    assert 3 <= sent <= 5
    assert await completed(world) == {"sent": sent, "expired": len(NUMBERS) - sent}


async def test_a_scheduled_request_is_cancelled_before_its_time_and_not_after() -> None:
    world, record = a_world(send_at=(START + timedelta(hours=1)).isoformat())
    world.providers = (RecordingProvider(answers=lambda *_: Sent()),)
    await world.expand(record)
    ordered = await cancel_request(world.ledger, KEY, scheduled_only=True)
    assert ordered is not None
    assert ordered.may_still_be_sent == 0
    await world.deliver_all()
    assert await world.outcomes() == [("cancelled", "cancelled")] * len(NUMBERS)
    assert {(log.attempts, log.provider) for log in await world.logs()} == {(0, None)}, "nobody was asked"

    late, record = a_world(send_at=(START + timedelta(hours=1)).isoformat())
    await late.expand(record)
    late.pass_time(3600)
    assert await cancel_request(late.ledger, KEY, scheduled_only=True) is None
    await late.settle(1)
    assert await completed(late) == {"sent": len(NUMBERS)}
