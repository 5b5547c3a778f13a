"""A process is killed between any two of its steps. No recipient is lost, and none is sent to twice without need."""

import asyncio
import inspect
import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumer.context import ConsumerContext
from consumer.deliver.claim_chunks import Claimer, ClaimOrigin
from consumer.deliver.deliver import deliver
from consumer.flow_control.slots import SlotKey
from consumer.sweep.retention_batches import BatchSizes, RetentionJob
from core.send_result import Failed, Message, Retry, SendResult, Sent
from ledger.claims import Claim
from providers.draft import Draft
from schemas.statuses import OnUncertain, Reason
from tests.flow.world import LEASE_SECONDS, Killed, RecordingProvider, Steps, World, stepwise_ledger
from tests.support.builders import LEDGER_PORTS

NUMBERS = [f"138000000{n:02d}" for n in range(7)]
BAD = "12"
ONE_CHUNK = 8
"""Chunk size with which all recipients are in one chunk."""


def answers(message: Message, before: int) -> SendResult:
    """Refuse the last number finally, and the one before it once."""
    if message.to.endswith("06"):
        return Failed(Reason.REJECTED)
    if message.to.endswith("05") and before == 0:
        return Retry(Reason.UNAVAILABLE)
    return Sent()


def hand_over(context: ConsumerContext) -> None:
    """Let the expansion of a small request claim and deliver it, as in a process with a free slot."""

    async def claim_now(kind: SlotKey, claim: Claim, *, is_new: bool) -> bool:
        del kind
        leased = await Claimer(context).claim(claim, ClaimOrigin.NEW if is_new else ClaimOrigin.WAKE_UP)
        if leased:
            await deliver(leased, context)
        return leased is not None

    context.handover.connect(claim_now)


async def work(world: World, on_uncertain: OnUncertain, context: ConsumerContext) -> None:
    if world.limits.chunk_size == ONE_CHUNK:
        hand_over(context)
    await world.expand(world.record(BAD, *NUMBERS, on_uncertain=on_uncertain.value), context)
    await world.deliver_all(context)
    world.pass_time(700)
    await world.deliver_all(context)
    world.pass_time(700)
    await erase(context)


async def erase(context: ConsumerContext) -> None:
    """Erase the sealed data of the request, one chunk a batch, then its text."""
    retention = RetentionJob(context, BatchSizes(chunks=1))
    for _ in range(4):
        await retention.run_batch()


async def check_books(world: World, on_uncertain: OnUncertain, kills: int) -> None:
    """Check that recipients, accepted messages, logs and events agree."""
    logs, book = await world.logs(), world.providers[0]
    assert len(logs) == len(NUMBERS) + 1, "a recipient is lost"
    outcomes = Counter(log.outcome.value for log in logs)
    events = {event["log_id"]: event["status"] for event in world.events("delivery")}
    assert events == {log.id: log.outcome.value for log in logs}, "an event is missing or contradicts its log"
    (completed,) = world.events("request.completed")
    assert completed["by_status"] == outcomes
    assert world.events()[-1] == completed, "who stops at the completion has missed an event"
    assert world.events("request.accepted"), "the request was not said to be accepted"
    for log in logs:
        if log.outcome.value == "sent":
            assert book.taken[log.id], "logged as sent, and the provider never took it"
        if log.outcome.value == "failed":
            assert not book.taken[log.id], "logged as failed, and the provider took it"
    store = world.ledger.logs._store  # type: ignore[attr-defined]
    assert not any(one.chunk.sealed for one in store.chunks.values()), "addresses are left"
    in_open_windows = kills * world.limits.window_size
    repeated = sum(taken - 1 for taken in book.taken.values() if taken > 1)
    if on_uncertain is OnUncertain.MARK_UNKNOWN:
        assert repeated == 0, "sent twice"
        assert outcomes["unknown"] <= in_open_windows
    else:
        assert repeated <= in_open_windows
        # In doubt, and then refused for good: never `failed` (I4).
        assert {log.id[-5:] for log in logs if log.outcome.value == "unknown"} <= {f"{len(NUMBERS):05x}"}


async def crashed_run(
    kill_at: int, *, after: bool, on_uncertain: OnUncertain, small: bool, seed: int | None = None
) -> World | None:
    """Run, die at a step, and let other processes finish. Return None if the process ended before that step.

    A small request has one chunk, which is in its document.
    """
    world = World(RecordingProvider(answers=answers))
    # Enough for a refusal and a take-over after each kill.
    retry = replace(world.limits.retry, max_attempts=5)
    chunk_size = ONE_CHUNK if small else world.limits.chunk_size
    world.limits = replace(world.limits, retry=retry, address_retention=timedelta(seconds=600), chunk_size=chunk_size)
    steps = Steps(kill_at, after=after)
    died = await world.run_until_killed(work(world, on_uncertain, world.context(steps)))
    if not died:
        assert "retention.erase" in steps.done, "the run is shorter than the life of a request"
        return None
    world.pass_time(LEASE_SECONDS + 61)
    if seed is not None:  # a second process dies as well
        again = Steps(random.Random(seed).randrange(12), after=seed % 2 == 0)
        context = world.context(again)
        await world.run_until_killed(finish(world, on_uncertain, context))
        world.pass_time(LEASE_SECONDS + 61)
    await finish(world, on_uncertain, world.context())
    await world.settle()
    await erase(world.context())
    return world


async def finish(world: World, on_uncertain: OnUncertain, context: ConsumerContext) -> None:
    """Expand the record again, because its offset may not have been committed."""
    await world.expand(world.record(BAD, *NUMBERS, on_uncertain=on_uncertain.value), context)
    await world.deliver_all(context)


@pytest.mark.parametrize("port", LEDGER_PORTS)
async def test_a_process_can_be_killed_in_each_method_of_each_port(port: str) -> None:
    ledger = World().ledger
    methods = [name for name, _ in inspect.getmembers(getattr(ledger, port), inspect.iscoroutinefunction)]
    assert methods
    for name in methods:
        steps = Steps(0)
        with pytest.raises(Killed):
            await getattr(getattr(stepwise_ledger(ledger, steps), port), name)()
        assert steps.done == [f"{port}.{name}"]


@pytest.mark.parametrize("on_uncertain", list(OnUncertain))
@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after the step"])
@pytest.mark.parametrize(("small", "steps"), [(False, 30), (True, 20)], ids=["large", "small"])
async def test_a_kill_at_any_step(
    on_uncertain: OnUncertain,
    after: bool,  # noqa: FBT001
    small: bool,  # noqa: FBT001
    steps: int,
) -> None:
    for kill_at in itertools.count():
        world = await crashed_run(kill_at, after=after, on_uncertain=on_uncertain, small=small)
        if world is None:
            break
        await check_books(world, on_uncertain, 1)
    assert kill_at > steps, "the run is shorter than the protocol"


@pytest.mark.parametrize("on_uncertain", list(OnUncertain))
@pytest.mark.parametrize("small", [False, True], ids=["large", "small"])
async def test_two_kills_at_any_two_steps(on_uncertain: OnUncertain, small: bool) -> None:  # noqa: FBT001
    for kill_at, seed in itertools.product(range(40), range(6)):
        world = await crashed_run(
            kill_at, after=bool(seed % 3), on_uncertain=on_uncertain, small=small, seed=seed + 100 * kill_at
        )
        if world is None:
            break
        await check_books(world, on_uncertain, 2)


@pytest.mark.parametrize("port_step", ["logs.insert_or_get", "requests.insert_small_claimed"])
async def test_a_small_request_whose_owner_dies_is_said_to_be_accepted_before_all_else(port_step: str) -> None:
    """The record is not read again: its offset was committed before the event was published."""

    class Dying(Steps):
        """The process dies after one step, and Kafka takes no event before that."""

        async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
            if name == "bus.publish_events":
                await asyncio.Event().wait()
            answer = await super().step(name, call)
            if name == port_step:
                raise Killed
            return answer

    world = World(RecordingProvider(answers=answers))
    world.limits = replace(world.limits, chunk_size=ONE_CHUNK)
    context = world.context(Dying())
    hand_over(context)
    assert await world.run_until_killed(world.expand(world.record(BAD, *NUMBERS[:3]), context))
    await world.settle(3)
    assert world.events()[0]["type"] == "request.accepted"
    assert world.events()[-1]["type"] == "request.completed"


async def test_a_zombie_changes_nothing_and_says_nothing() -> None:
    """A process that stalls past its lease finds its writes refused."""
    world = World(RecordingProvider(answers=answers))
    gate = asyncio.Event()

    class Slow(RecordingProvider):
        async def send_one(self, draft: Draft) -> SendResult:
            if not gate.is_set():
                await gate.wait()
            return await super().send_one(draft)

    slow = Slow(answers=lambda *_: Sent())
    await world.expand(world.record(*NUMBERS[:2]))
    world.providers = (slow,)
    zombie = asyncio.create_task(world.deliver_all(world.context()))
    await asyncio.sleep(0.01)
    world.pass_time(LEASE_SECONDS + 61)
    world.providers = (RecordingProvider(answers=answers),)
    await world.settle(2)
    before: list[Any] = [await world.outcomes(), len(world.bus.events["communication.results"])]
    assert before[0] == [("unknown", "interrupted")] * 2
    gate.set()
    await zombie
    assert [await world.outcomes(), len(world.bus.events["communication.results"])] == before
