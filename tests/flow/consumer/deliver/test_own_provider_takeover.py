"""A tenant that changes or deletes a provider turns no uncertain delivery into a second send."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from consumer.context import ConsumerContext
from consumer.flow_control.tenant_cache import MAX_AGE_SECONDS
from core.send_result import Failed, Message, SendResult, Sent, Uncertain
from providers.draft import Draft
from schemas.statuses import Reason
from tests.flow.consumer.own_providers import Tenant, gateway
from tests.flow.world import LEASE_SECONDS, Killed, RecordingProvider, Steps, World

NUMBERS = [f"138000000{n:02d}" for n in range(5)]


async def replaced(tenant: Tenant) -> None:
    await tenant.delete("mine")
    tenant.number += 1
    await tenant.put("mine", "new", deduplicates=True)


CHANGES: dict[str, Callable[[Tenant], Awaitable[object]]] = {
    "changed": lambda tenant: tenant.put("mine", "new", deduplicates=True),
    "deleted": lambda tenant: tenant.delete("mine"),
    "not active": lambda tenant: tenant.set_active("mine", active=False),
    "another of its name": replaced,
}


async def a_world(*, deduplicates: bool = True) -> tuple[World, Tenant, str]:
    """Return a world in which a tenant has one provider. Both of its gateways deduplicate."""
    world = World()
    tenant = Tenant(world)
    for name in ("old", "new"):
        gateway(world, name).deduplicates = deduplicates
    return world, tenant, await tenant.put("mine", "old", deduplicates=deduplicates)


def calls(world: World) -> Counter[str]:
    """Return how often each delivery was offered to any provider."""
    return sum((each.calls for each in (*world.own.values(), *world.providers)), Counter[str]())


def taken(world: World) -> Counter[str]:
    return sum((each.taken for each in (*world.own.values(), *world.providers)), Counter[str]())


async def kill_after_the_call(world: World) -> None:
    """Expand a request of one recipient, and kill its sender when the gateway has taken the message."""

    def deadly(message: Message, _: int) -> SendResult:
        world.own["old"].taken[message.id] += 1
        world.own["old"].calls[message.id] += 1
        raise Killed

    before, world.own["old"].answers = world.own["old"].answers, deadly
    assert await world.run_until_killed(world.deliver_all())
    world.own["old"].answers = before
    world.pass_time(LEASE_SECONDS + 61)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("deduplicates", [False, True])
async def test_an_uncertain_delivery_of_a_provider_that_is_gone_ends_unknown_after_one_call(
    change: str,
    deduplicates: bool,  # noqa: FBT001
) -> None:
    world, tenant, reference = await a_world(deduplicates=deduplicates)
    await world.expand(world.record(NUMBERS[0]))
    await kill_after_the_call(world)
    await CHANGES[change](tenant)
    await world.settle()

    assert [(log.outcome, log.reason, log.provider) for log in await world.logs()] == [
        ("unknown", "interrupted", reference)
    ]
    assert calls(world).total() == 1


@pytest.mark.parametrize("change", CHANGES)
async def test_with_resend_it_is_sent_again_by_what_serves_now(change: str) -> None:
    world, tenant, _ = await a_world()
    await world.expand(world.record(NUMBERS[0], on_uncertain="resend"))
    await kill_after_the_call(world)
    await CHANGES[change](tenant)
    await world.settle()

    expected = "book" if change in {"deleted", "not active"} else tenant.stored["mine"].reference
    assert [(log.outcome, log.provider, log.attempts) for log in await world.logs()] == [("sent", expected, 2)]
    assert calls(world).total() == 2


async def test_a_provider_that_is_the_same_and_deduplicates_is_asked_again() -> None:
    world, tenant, reference = await a_world()
    await world.expand(world.record(NUMBERS[0]))
    await kill_after_the_call(world)
    await tenant.put("other", "new")
    tenant.stored["mine"] = tenant.stored["mine"]._replace(priority=200)
    await tenant.store()
    await world.settle()

    assert [(log.outcome, log.provider) for log in await world.logs()] == [("sent", reference)]
    assert taken(world).total() == 1
    assert not world.own["new"].calls


@pytest.mark.parametrize("change", CHANGES)
async def test_a_missing_answer_of_a_provider_that_is_gone_by_its_retry_ends_unknown(change: str) -> None:
    world, tenant, reference = await a_world()
    world.own["old"].answers = lambda *_: Uncertain(Reason.NO_ANSWER, "cut")
    await world.expand(world.record(NUMBERS[0]))
    await world.deliver_all()
    assert not await world.logs()
    await CHANGES[change](tenant)
    await world.settle()

    assert [(log.outcome, log.provider) for log in await world.logs()] == [("unknown", reference)]
    assert calls(world).total() == 1


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_certainly_not_sent_goes_on_without_an_attempt(change: str) -> None:
    """The window was chosen by the expansion. It is claimed after the change."""
    world, tenant, _ = await a_world()
    await world.expand(world.record(*NUMBERS))
    await CHANGES[change](tenant)
    await world.deliver_all()

    assert {(log.outcome, log.attempts) for log in await world.logs()} == {("sent", 1)}
    assert not world.own["old"].calls


class Changing(Steps):
    """Steps of a process. The tenant changes its providers just before one of them."""

    change: Callable[[], Awaitable[None]]

    def __init__(self, at: int) -> None:
        super().__init__()
        self._at, self._is_changed = at, False

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if len(self.done) == self._at and not self._is_changed:
            self._is_changed = True
            await self.change()
        return await super().step(name, call)


async def change_and_read(
    change: Callable[[Tenant], Awaitable[object]], world: World, tenant: Tenant, context: ConsumerContext
) -> None:
    """Change the providers of the tenant, and let the process read them, as another chunk does."""
    await change(tenant)
    world.pass_time(MAX_AGE_SECONDS)
    await context.tenants.load_current("t1")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("dies", [False, True])
async def test_a_change_at_any_step_sends_nothing_twice(change: str, dies: bool) -> None:  # noqa: FBT001
    """The change comes just before each step in turn, without a crash or in the process that takes a window over."""
    at = 0
    while True:
        world, tenant, _ = await a_world()
        world.limits = replace(world.limits, chunk_size=5)
        await world.expand(world.record(*NUMBERS))
        if dies:
            await kill_after_the_call(world)

        steps = Changing(at)
        context = world.context(steps)
        steps.change = partial(change_and_read, CHANGES[change], world, tenant, context)
        await world.deliver_all(context)
        await world.settle()

        assert max(taken(world).values()) == 1, at
        outcomes = Counter(outcome for outcome, _ in await world.outcomes())
        assert outcomes.total() == len(NUMBERS)
        assert outcomes.keys() <= {"sent", "unknown"}, at
        assert outcomes["unknown"] <= (world.limits.window_size if dies else 0), at
        if len(steps.done) <= at:
            break
        at += 1
    assert at > 8


async def test_a_crash_at_any_step_before_a_change_sends_nothing_twice() -> None:
    killed_at = 0
    while True:
        world, tenant, _ = await a_world()
        await world.expand(world.record(*NUMBERS))
        died = await world.run_until_killed(world.deliver_all(world.context(Steps(killed_at, after=True))))
        await CHANGES["changed"](tenant)
        world.pass_time(LEASE_SECONDS + 61)
        await world.settle()

        assert max(taken(world).values()) == 1, killed_at
        assert {outcome for outcome, _ in await world.outcomes()} <= {"sent", "unknown"}, killed_at
        assert len(await world.logs()) == len(NUMBERS)
        if not died:
            break
        killed_at += 1
    assert killed_at > 10


class Twice(RecordingProvider):
    """A gateway that refuses the first call, whose owner is frozen meanwhile, and takes that of the next owner."""

    freeze: Callable[[], Awaitable[None]]
    is_asked_again: asyncio.Event
    go_on: asyncio.Event

    async def send_one(self, draft: Draft) -> SendResult:
        self.calls[draft.id] += 1
        if self.calls[draft.id] == 1:
            await self.freeze()
            return Failed(Reason.REJECTED, "HTTP 422")
        self.is_asked_again.set()
        await self.go_on.wait()
        return Sent(draft.id)


@pytest.mark.parametrize("change", CHANGES)
async def test_an_owner_that_was_frozen_logs_no_failure_while_the_next_one_sends(change: str) -> None:
    """The frozen owner learns of the change before it logs, and the next owner after it sent."""
    world, tenant, _ = await a_world()
    twice = Twice("old", deduplicates=True)
    world.own["old"], twice.is_asked_again, twice.go_on = twice, asyncio.Event(), asyncio.Event()
    frozen, following = world.context(), world.context()
    await world.expand(world.record(NUMBERS[0]))
    async with asyncio.TaskGroup() as group:

        async def freeze() -> None:
            world.pass_time(LEASE_SECONDS + 61)
            group.create_task(world.deliver_all(following))
            await twice.is_asked_again.wait()
            await CHANGES[change](tenant)
            await frozen.tenants.load_again("t1")

        twice.freeze = freeze
        await world.deliver_all(frozen)
        assert not await world.logs()
        twice.go_on.set()
    assert await world.outcomes() == [("sent", None)]
