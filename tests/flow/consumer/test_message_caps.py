"""Caps on the messages to one recipient: across requests and processes, and through crashes."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from consumer.flow_control.tenant_cache import MAX_AGE_SECONDS
from core.message_caps import DAY
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from ledger.sealing import Sealer
from schemas.statuses import Reason, Status
from schemas.tenant_settings import RecipientCaps, SendWindows, TenantCaps, TenantSettings
from tests.flow.world import LEASE_SECONDS, RecordingProvider, Steps, World

NUMBERS = [f"138000000{n:02d}" for n in range(6)]
CAPPED, SENT = ("suppressed", "capped"), ("sent", None)
COUNT, TAKE_BACK = "message_counters.count", "message_counters.take_back"


async def a_world(*providers: RecordingProvider, per_day: int = 1, **settings: Any) -> World:
    """Return a world whose tenant has a cap on marketing."""
    world = World(*providers)
    await change(world, caps=TenantCaps(marketing=RecipientCaps(per_day=per_day)), **settings)
    return world


async def change(world: World, **settings: Any) -> None:
    stored = await world.ledger.tenants.get("t1")
    assert await world.ledger.tenants.put("t1", TenantSettings(**settings), stored.version)
    world.pass_time(MAX_AGE_SECONDS)


async def send(world: World, request_id: str, *recipients: object, steps: Steps | None = None, **fields: Any) -> Any:
    """Expand a request of marketing in a new process, deliver it, and return the outcomes."""
    record = world.record(*recipients, request_id=request_id, **{"category": "marketing", **fields})
    await world.expand(record)
    await world.deliver_all(world.context(steps))
    return await world.outcomes(request_id)


def answers_in_order(*answers: SendResult) -> Callable[[Message, int], SendResult]:
    left = iter(answers)
    return lambda *_: next(left)


async def test_messages_beyond_the_cap_are_suppressed_across_requests_and_processes() -> None:
    world = await a_world(per_day=2)
    assert await send(world, "r1", *NUMBERS[:2]) == [SENT] * 2
    assert await send(world, "r2", *NUMBERS[:3]) == [SENT] * 3
    assert await send(world, "r3", *NUMBERS[:3]) == [CAPPED, CAPPED, SENT]

    events = [event for event in world.events("delivery.suppressed") if event["request_id"] == "r3"]
    assert {event["reason"] for event in events} == {"capped"}


async def test_the_place_is_free_again_after_a_day() -> None:
    world = await a_world()
    assert await send(world, "r1", NUMBERS[0]) == [SENT]
    world.pass_time(DAY.total_seconds() - 60)
    assert await send(world, "r2", NUMBERS[0]) == [CAPPED]
    world.pass_time(60)
    assert await send(world, "r3", NUMBERS[0]) == [SENT]


async def test_transactional_messages_have_no_cap_and_count_to_none_unless_they_have_one() -> None:
    world = await a_world()
    for request_id in ("r1", "r2"):
        assert await send(world, request_id, NUMBERS[0], category="transactional") == [SENT]
    assert await send(world, "r3", NUMBERS[0]) == [SENT]

    await change(world, caps=TenantCaps(transactional=RecipientCaps(per_week=1)))
    assert await send(world, "r4", NUMBERS[0], category="transactional") == [SENT]
    assert await send(world, "r5", NUMBERS[0], category="transactional") == [CAPPED]


async def test_mail_addresses_are_compared_without_their_case() -> None:
    world, mail = await a_world(), {"channel": "email", "subject": "Hi"}
    assert await send(world, "r1", "ann@example.com", **mail) == [SENT]
    assert await send(world, "r2", "Ann@Example.com", **mail) == [CAPPED]


async def test_two_processes_at_once_keep_the_cap() -> None:
    world = await a_world()
    for request_id in ("r1", "r2"):
        await world.expand(world.record(*NUMBERS, request_id=request_id, category="marketing"))
    await asyncio.gather(*(world.deliver_all(world.context()) for _ in range(2)))

    outcomes = [*await world.outcomes("r1"), *await world.outcomes("r2")]
    assert (outcomes.count(SENT), outcomes.count(CAPPED)) == (6, 6)


async def test_a_delivery_that_is_tried_again_counts_once() -> None:
    refused = Retry(Reason.UNAVAILABLE, "HTTP 503")
    world = await a_world(RecordingProvider(answers=answers_in_order(refused, Sent())))
    assert await send(world, "r1", NUMBERS[0]) == []
    assert await send(world, "r2", NUMBERS[0]) == [CAPPED]  # the first one will be sent
    world.pass_time(700)
    await world.deliver_all()

    assert await world.outcomes("r1") == [SENT]


async def test_a_delivery_that_was_certainly_not_sent_gives_its_place_back() -> None:
    rejected = Failed(Reason.REJECTED, "HTTP 400")
    world = await a_world(RecordingProvider(answers=answers_in_order(rejected, Sent())))
    assert await send(world, "r1", NUMBERS[0]) == [("failed", "rejected")]
    assert await send(world, "r2", NUMBERS[0]) == [SENT]


async def test_a_delivery_that_may_have_been_sent_keeps_its_place() -> None:
    world = await a_world(RecordingProvider(answers=answers_in_order(Uncertain(Reason.NO_ANSWER))))
    assert await send(world, "r1", NUMBERS[0]) == [("unknown", "no_answer")]
    assert await send(world, "r2", NUMBERS[0]) == [CAPPED]


async def test_a_delivery_that_may_have_been_sent_is_not_capped_but_unknown() -> None:
    world = await a_world(RecordingProvider(answers=answers_in_order(Uncertain(Reason.NO_ANSWER))))
    await send(world, "r1", NUMBERS[0], on_uncertain="resend")
    _count_another_message(world)
    world.pass_time(700)
    await world.deliver_all()

    (log,) = await world.logs("r1")
    assert (log.status, log.error) == (Status.UNKNOWN, "must not be sent again: capped")


def _count_another_message(world: World) -> None:
    """Let another message take the place, as after a day without a try."""
    counted = world.ledger.message_counters._counted  # type: ignore[attr-defined]
    for counter, (first, *_) in counted.items():
        counted[counter] = (first._replace(delivery="log_other"),)


async def test_a_delivery_that_waits_for_its_window_counts_when_it_opens() -> None:
    world = await a_world(send_window=SendWindows(marketing="09:00-20:00"), default_timezone="UTC")
    world.time = datetime.fromisoformat("2026-07-01T21:00:00+00:00")
    mail = {"channel": "email", "subject": "Hi"}
    assert await send(world, "r1", "ann@example.com", **mail) == []
    assert not world.ledger.message_counters._counted  # type: ignore[attr-defined]
    world.pass_time(12 * 3_600 + 1)
    await world.deliver_all()

    assert await world.outcomes("r1") == [SENT]
    assert await send(world, "r2", "ann@example.com", **mail) == [CAPPED]


@pytest.mark.parametrize("deduplicates", [False, True])
async def test_no_crash_counts_a_delivery_twice_or_lets_one_through(*, deduplicates: bool) -> None:
    killed_at = 0
    while True:
        world = await a_world(RecordingProvider(deduplicates=deduplicates), per_day=2)
        await send(world, "r0", NUMBERS[0])
        await world.expand(world.record(*NUMBERS[:3], category="marketing"))
        steps = Steps(killed_at)
        killed = await world.run_until_killed(world.deliver_all(world.context(steps)))
        world.pass_time(LEASE_SECONDS + 1)
        await world.settle(2)

        outcomes = await world.outcomes()
        assert {status for status, _ in outcomes} <= {"sent", "unknown"}
        assert await send(world, "r2", *NUMBERS[:2]) == [CAPPED, SENT]
        if not killed:
            assert outcomes == [SENT] * 3
            return
        killed_at += 1


async def test_a_window_costs_one_query_and_none_without_a_cap() -> None:
    world, steps = await a_world(), Steps()
    assert await send(world, "r1", *NUMBERS[:4], steps=steps) == [SENT] * 4
    assert (steps.done.count(COUNT), steps.done.count(TAKE_BACK)) == (2, 0)  # windows of 2

    await send(world, "r2", *NUMBERS[:4], steps=(others := Steps()), category="transactional")
    assert not {COUNT, TAKE_BACK} & set(others.done)


async def test_without_the_sealing_key_of_the_tenants_key_nothing_is_sent_until_it_is_back() -> None:
    world = await a_world()
    await send(world, "r1", NUMBERS[0])
    keys = [("k2", b"2" * 32), ("k1", bytes(32))]
    world.sealer = Sealer(keys[:1])
    assert await send(world, "r2", *NUMBERS[:2]) == []

    world.sealer = Sealer(keys)
    world.pass_time(100)
    await world.deliver_all()
    assert await world.outcomes("r2") == [CAPPED, SENT]
