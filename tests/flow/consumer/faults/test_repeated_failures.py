"""A record, part or chunk that fails again and again ends in a known state and affects little else."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumer.context import ConsumerContext
from consumer.expand.expansion_queue import expand_or_reject
from consumer.kafka.bus import BusRejected
from core.ids import request_key
from core.retry import RetryPolicy
from ledger.sealing import Sealer
from tests.flow.world import LEASE_SECONDS, START, TOPICS, Steps, World, awake

NUMBERS = [f"138000000{n:02d}" for n in range(7)]
KEY = request_key("t1", "r1")


class Broken:
    """A ledger port that fails at one method from its n-th call on."""

    def __init__(self, inner: object, method: str, after: int) -> None:
        self._inner, self._method, self._left = inner, method, after

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name != self._method:
            return value

        async def call(*args: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise ZeroDivisionError
            return await value(*args)

        return call


class FailingLedger:
    """A ledger with a failing port for chunks."""

    def __init__(self, inner: Any, after: int) -> None:
        self.requests, self.logs, self.now = inner.requests, inner.logs, inner.now
        self.chunks = Broken(inner.chunks, "insert", after)


class Thirteen(Sealer):
    """Fails with an internal error at one address."""

    def hash(self, value: bytes, key_id: str) -> bytes:
        if value.endswith(b"03"):
            raise ZeroDivisionError
        return super().hash(value, key_id)


def broken(world: World, after: int) -> ConsumerContext:
    return replace(world.context(), ledger=FailingLedger(world.ledger, after))  # type: ignore[arg-type]


async def test_a_request_with_a_half_written_part_ends_as_incomplete() -> None:
    world = World()
    record = world.record(*NUMBERS)
    await expand_or_reject(record, "cluster", broken(world, after=1))
    assert len(world.bus.dead_letters) == 1
    await world.settle(1)
    assert not world.events("request.completed"), "it may be in its second try elsewhere"
    world.pass_time(3600)
    await world.settle(1)
    (completed,) = world.events("request.completed")
    assert (completed["incomplete"], completed["total"], completed["by_status"]) == (True, 4, {"sent": 4})
    assert [event["reason"] for event in world.events("request.rejected")] == ["unprocessable"]


async def test_a_lost_part_stays_lost_when_its_record_comes_again() -> None:
    world = World()
    await expand_or_reject(world.record(*NUMBERS), "cluster", broken(world, after=1))
    world.pass_time(4000)
    await world.settle(2)
    await world.expand(world.record(*NUMBERS))
    await world.settle(2)
    assert [event["reason"] for event in world.events("request.rejected")][1:] == ["part_refused"]
    assert len(await world.logs()) == 4
    assert len(world.events("request.completed")) == 1


async def test_a_part_that_waits_in_the_intake_is_not_lost() -> None:
    world = World()
    record = world.record(*NUMBERS)
    with pytest.raises(ZeroDivisionError):
        await world.expand(record, broken(world, after=1))  # its process was killed, and nobody took over yet
    world.bus.lags[TOPICS.requests, 0] = 1
    world.pass_time(7200)
    await world.settle(2)
    await world.expand(record)
    await world.settle(2)
    assert await world.outcomes() == [("sent", None)] * 7
    (completed,) = world.events("request.completed")
    assert not completed["incomplete"]


async def completes_and_is_not_refused(world: World) -> None:
    await world.settle(2)
    assert not world.bus.dead_letters
    assert not world.events("request.rejected")
    assert len(world.events("request.completed")) == 1


async def test_an_expanded_part_is_not_rejected_if_its_last_wake_up_fails() -> None:
    world = World()
    bus = Broken(world.bus, "publish_wake_up", 1)
    await expand_or_reject(world.record(*NUMBERS), "cluster", replace(world.context(), bus=bus))  # type: ignore[arg-type]
    assert bus._left == -1, "nothing was broken"
    await completes_and_is_not_refused(world)


async def test_an_expanded_empty_part_is_not_rejected_if_its_completion_fails() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS, part=0, last=False))
    await world.deliver_all()
    ledger = FailingLedger(world.ledger, after=9)
    broken = ledger.requests = Broken(world.ledger.requests, "get", 0)
    record, context = world.record(part=1, last=True), replace(world.context(), ledger=ledger)  # type: ignore[arg-type]
    await expand_or_reject(record, "cluster", context)
    assert broken._left < 0, "nothing was broken"
    await completes_and_is_not_refused(world)


async def test_an_internal_error_fails_only_the_recipient_that_caused_it() -> None:
    world = World()
    world.sealer = Thirteen([("k1", bytes(32))])
    await expand_or_reject(world.record(*NUMBERS), "cluster", world.context())
    await world.settle(2)
    expected = [("sent", None)] * 7
    expected[3] = ("failed", "unprocessable")
    assert await world.outcomes() == expected
    assert not world.bus.dead_letters
    (completed,) = world.events("request.completed")
    assert (completed["total"], completed["incomplete"]) == (7, False)
    assert (await world.logs())[3].recipient == "***"


async def test_a_part_under_a_missing_key_is_not_reported_as_a_conflict() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:3], part=0, last=False))
    other = replace(world.context(), sealer=Sealer([("k2", bytes(32))]))
    await world.expand(world.record(*NUMBERS[3:], part=1, last=True), other)
    (rejected,) = world.events("request.rejected")
    assert (rejected["reason"], rejected["part"]) == ("unprocessable", 1)
    assert len(world.bus.dead_letters) == 1


@pytest.mark.parametrize("closed_after", ["expanding", "delivering"])
async def test_a_reply_topic_that_rejects_all_events_does_not_block_other_requests(closed_after: str) -> None:
    world = World(reply_topics=["mine"])
    context = awake(world.context())
    if closed_after == "delivering":
        await world.expand(world.record(*NUMBERS, reply_topic="mine"), context)
    world.bus.fail_topic("mine", BusRejected("no permission"))
    if closed_after == "expanding":
        await world.expand(world.record(*NUMBERS, reply_topic="mine"), context)
    await world.deliver_all(context)
    assert len(world.events("delivery.sent")) == 7
    assert len(world.events("request.completed")) == 1
    assert len(world.events("request.accepted", "mine")) == (closed_after == "delivering")


def keyless(world: World, steps: Steps | None = None) -> ConsumerContext:
    return replace(world.context(steps), sealer=Sealer([("k2", bytes([2]) * 32)]))


async def test_a_chunk_without_a_key_is_tried_ever_more_rarely_and_fails_when_it_is_too_old() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:3]))
    context, tried = keyless(world), list[float]()
    await world.deliver_all(context)
    for _ in range(10_000):  # a little more than a day
        if await world.logs():
            break
        before = context.metrics.unopened._value.get()
        await world.deliver_all(context)
        if context.metrics.unopened._value.get() > before:
            tried.append((world.time - START).total_seconds())
        world.pass_time(10)
    pauses = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert (min(pauses), max(pauses)) == (30, 600)
    assert tried[-1] > world.limits.retry.max_age.total_seconds()
    assert await world.outcomes() == [("failed", "unprocessable")] * 3
    assert {log.error for log in await world.logs()} == {"no sealing key 'k1'"}
    (completed,) = world.events("request.completed")
    assert completed["by_status"] == {"failed": 3}
    assert context.readiness.warnings()["sealing_keys"] == "no sealing key 'k1'"
    assert not world.providers[0].calls


async def wait_without_key(world: World) -> None:
    """Let consumers without the key claim the chunk until they may end it."""
    world.limits = replace(world.limits, retry=RetryPolicy(3, timedelta(minutes=2)))
    for _ in range(4):
        await world.deliver_all(keyless(world))
        assert await world.logs() == []
        world.pass_time(31)


async def test_the_time_without_a_key_begins_when_a_consumer_lacks_it() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:3]))
    world.pass_time(3 * 86_400)
    await world.deliver_all(keyless(world))
    world.pass_time(3 * 86_400)
    await world.deliver_all(keyless(world))
    world.pass_time(31)
    await world.deliver_all()
    assert await world.outcomes() == [("sent", None)] * 3


async def test_after_a_crash_at_any_step_of_giving_up_the_next_owner_sends_nothing_that_is_logged_as_failed() -> None:
    killed, at = True, 0
    while killed:
        world = World()
        await world.expand(world.record(*NUMBERS))
        await wait_without_key(world)
        context = keyless(world, Steps(at, after=True))
        killed, at = await world.run_until_killed(world.deliver_all(context)), at + 1
        await world.settle(2)
        sent = [outcome for outcome in await world.outcomes() if outcome[0] == "sent"]
        assert len(sent) == sum(world.providers[0].taken.values()), f"died after step {at - 1}"
        assert len(world.events("request.completed")) == 1
    assert at > 10


async def test_a_chunk_without_a_key_is_sent_once_the_key_is_back() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:3]))
    await world.deliver_all(keyless(world))
    world.pass_time(31)
    await world.deliver_all()
    assert await world.outcomes() == [("sent", None)] * 3


async def test_a_cancel_needs_no_key() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:3]))
    await world.deliver_all(keyless(world))
    await world.ledger.requests.cancel(KEY)
    await world.ledger.chunks.mark_cancelled(KEY)
    await world.deliver_all(keyless(world))
    assert await world.outcomes() == [("cancelled", "cancelled")] * 3
    assert len(world.events("request.completed")) == 1


async def test_an_open_window_whose_key_is_missing_ends_as_unknown() -> None:
    world = World()
    await world.expand(world.record(*NUMBERS[:3], on_uncertain="resend"))
    sending = world.context(Steps(4, after=True))
    assert await world.run_until_killed(world.deliver_all(sending))
    assert world.providers[0].calls
    world.pass_time(LEASE_SECONDS)
    await wait_without_key(world)
    await world.deliver_all(keyless(world))
    outcomes = await world.outcomes()
    assert outcomes == [("unknown", "interrupted")] * 2 + [("failed", "unprocessable")]


async def test_the_region_that_a_part_was_begun_with_is_kept() -> None:
    world = World()
    record = world.record(*NUMBERS)
    with pytest.raises(ZeroDivisionError):
        await world.expand(record, broken(world, after=1))
    world.limits = replace(world.limits, default_region=None)
    await world.expand(record)
    await world.settle(2)
    assert await world.outcomes() == [("sent", None)] * 7
