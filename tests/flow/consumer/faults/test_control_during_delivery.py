"""Cancel and pause at any step of a delivery, with crashes, take-overs, lost answers and missing keys around them."""

import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumer.deliver.claim_chunks import Claimer
from core.ids import request_key
from core.send_result import Message, Retry, SendResult, Sent, Uncertain
from ledger.errors import LedgerUnavailable
from ledger.ports import Ledger
from ledger.request_control import ControlResult, cancel_request, pause_request, resume_request
from ledger.sealing import Sealer
from schemas.statuses import Channel, Lane, OnUncertain, Reason
from tests.flow.world import LEASE_SECONDS, START, RecordingProvider, Steps, World, awake

KEY = request_key("t1", "r1")
NUMBERS = ["12", *(f"138000000{n:02d}" for n in range(6))]
"""The first is not a valid number. The expansion decides it before anything is sent."""

Order = Callable[[Ledger, Any], Awaitable[ControlResult | None]]


class Ordering(Steps):
    """Steps with a cancel or pause before one, a crash at another, and a lost answer of a third."""

    def __init__(
        self, world: World, order: Order, at: int, kill_at: int | None = None, lost: int | None = None
    ) -> None:
        super().__init__(kill_at, after=True)
        self._world, self._order, self._at, self._lost = world, order, at, lost
        self.ordered: ControlResult | None = None
        self.calls_then = 0

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        here = len(self.done)
        if here == self._at and not self.dead:
            self.ordered = await self._order(self._world.ledger, KEY)
            self.calls_then = self._world.providers[0].calls.total()
        answer = await super().step(name, call)
        if here == self._lost and name.startswith(("ledger", "bus")):
            raise LedgerUnavailable("no answer")
        return answer


def moody(message: Message, before: int) -> SendResult:
    """Return a temporary refusal for one number, no answer for another, and success for the rest."""
    if before or message.to[-1] not in "25":
        return Sent()
    return Retry(Reason.UNAVAILABLE) if message.to[-1] == "2" else Uncertain(Reason.NO_ANSWER)


async def all_counted(world: World) -> None:
    assert (await world.ledger.chunks.counts(KEY)).total() == len(NUMBERS)


async def accounted_for(world: World) -> Counter[str]:
    """Check logs, events and completion against each other and against what the providers accepted."""
    logs = await world.logs()
    assert len(logs) == len(NUMBERS)
    assert {e["log_id"]: e["status"] for e in world.events("delivery")} == {g.id: g.outcome.value for g in logs}
    (event,) = world.events("request.completed")
    outcomes = Counter(log.outcome.value for log in logs)
    assert event["by_status"] == outcomes
    for provider in world.providers:
        for log in logs:
            assert not provider.taken[log.id] or log.outcome.value in {"sent", "unknown"}
            assert log.outcome.value != "sent" or provider.taken[log.id]
    return outcomes


POLICIES = [
    pytest.param(policy, deduplicates, id=f"{policy.value}{', deduplicates' * deduplicates}")
    for policy in OnUncertain
    for deduplicates in (False, True)
]


@pytest.mark.parametrize("order", [cancel_request, pause_request], ids=["cancel", "pause"])
@pytest.mark.parametrize(("policy", "deduplicates"), POLICIES)
@pytest.mark.parametrize("fault", ["kill_at", "lost"])
async def test_a_cancel_or_pause_at_any_step_of_a_delivery_keeps_its_bound_and_loses_no_recipient(
    order: Order,
    policy: OnUncertain,
    deduplicates: bool,  # noqa: FBT001
    fault: str,
) -> None:
    """The fault follows the cancel or pause after a few steps. The distance varies, so the variants cover all pairs."""
    tried, shift = 0, 2 * deduplicates + (policy is OnUncertain.RESEND)
    for at in itertools.count():
        world = World(RecordingProvider("first", deduplicates=deduplicates, answers=moody))
        await world.expand(world.record(*NUMBERS, on_uncertain=policy.value))
        fault_at = at + (0, 1, 2, 3, 5, 8)[(at + shift) % 6]
        steps = Ordering(world, order, at, **{fault: fault_at})
        await world.run_until_killed(world.deliver_all(awake(world.context(steps))))
        if steps.ordered is None:
            break
        tried += 1
        await all_counted(world)
        for seconds in (LEASE_SECONDS + 1, 61, 700):
            world.pass_time(seconds)
            await world.deliver_all()
        sent_after = world.providers[0].calls.total() - steps.calls_then
        assert sent_after <= steps.ordered.may_still_be_sent, f"ordered before step {at}, fault at {fault_at}"
        await all_counted(world)
        await resume_request(world.ledger, KEY)
        await world.settle(6)
        outcomes = await accounted_for(world)
        assert order is cancel_request or not outcomes["cancelled"]
        if policy is OnUncertain.MARK_UNKNOWN:
            assert max(world.providers[0].taken.values(), default=0) <= 1
    assert tried > 20


async def unmarked(world: World) -> None:
    """Write a chunk after the request was cancelled. The process dies before it reads the control flags again.

    The chunk of a small request cannot miss them, because it shares the document of its request.
    """
    record = world.record(*NUMBERS[1:4], part=0, last=False)
    steps = Ordering(world, cancel_request, 1, 1)
    assert await world.run_until_killed(world.expand(record, world.context(steps)))
    assert steps.done == ["requests.register_part", "chunks.insert"]
    assert steps.ordered
    world.pass_time(61)


async def test_the_next_owner_reads_the_control_flags_after_a_crash() -> None:
    """All consumers were down in between, so no sweeper checked the request."""
    world = World()
    await unmarked(world)
    assert await Claimer(world.context()).claim_due((Lane.BULK, Channel.SMS), never_claimed=True)  # and is killed
    world.pass_time(LEASE_SECONDS + 1)
    await world.deliver_all()
    assert not world.providers[0].calls
    await world.settle(2)
    assert {outcome for outcome, _ in await world.outcomes()} <= {"unknown", "cancelled"}


async def test_the_next_owner_reads_the_control_flags_of_a_chunk_that_was_not_opened() -> None:
    world = World()
    await unmarked(world)
    await world.deliver_all(replace(world.context(), sealer=Sealer([("k2", bytes([2]) * 32)])))
    world.pass_time(31)
    await world.deliver_all()
    assert not world.providers[0].calls
    assert await world.outcomes() == [("cancelled", "cancelled")] * 3


async def test_a_chunk_whose_key_is_missing_expires_at_expires_at() -> None:
    world = World()
    expires_at = START + timedelta(seconds=3 * 3600)
    await world.expand(world.record(*NUMBERS[1:4], expires_at=expires_at.isoformat()))
    keyless = replace(world.context(), sealer=Sealer([("k2", bytes([2]) * 32)]))
    world.pass_time(3 * 3600 - 60)
    await world.deliver_all(keyless)  # put back for ten minutes, a tenth of its age at most
    world.pass_time(60.002)
    await world.deliver_all(keyless)
    assert await world.outcomes() == [("expired", "expired")] * 3
