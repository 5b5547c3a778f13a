"""Suppressions at the expansion and at each window: no message after an entry that was acknowledged before."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from consumer.flow_control.tenant_cache import MAX_AGE_SECONDS
from consumer.tenants.recipient_checks import NO_KEY
from core.send_result import Message, Retry, SendResult, Sent, Uncertain
from ledger.sealing import Sealer
from ledger.suppression_port import Addition
from ledger.tenant_key import SETTLING
from schemas.statuses import Channel, Reason, Status, SuppressionReason
from tests.flow.consumer.expand.resend_steps import a_world, parts_of, select
from tests.flow.consumer.suppressed import suppress, unsuppress
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.flow.world import LEASE_SECONDS, RecordingProvider, Steps, World
from tests.support.service import GOOD

NUMBERS = [f"138000000{n:02d}" for n in range(10)]
FULL = [f"+86{number}" for number in NUMBERS]
OPTED_OUT, SENT = ("suppressed", "opted_out"), ("sent", None)
READ = "suppressions.find"


def after(number: int, then: Callable[[], None]) -> Callable[[Message, int], SendResult]:
    """Return a provider's answers. It calls `then` during its call with this number."""
    calls = iter(range(1_000))

    def answer(_message: Message, _calls: int) -> SendResult:
        if next(calls) == number:
            then()
        return Sent()

    return answer


async def test_an_address_that_opted_out_gets_nothing_and_the_log_and_the_event_say_why() -> None:
    world = World()
    await suppress(world, FULL[1])
    await world.expand(world.record(*NUMBERS[:3]))
    await world.settle(2)

    assert await world.outcomes() == [SENT, OPTED_OUT, SENT]
    assert [(event["status"], event.get("reason")) for event in world.events("delivery.suppressed")] == [OPTED_OUT]
    assert [message.to for message in world.providers[0].texts.values()] == [FULL[0], FULL[2]]


@pytest.mark.parametrize(
    ("reason", "scope", "logged"),
    [
        (SuppressionReason.OPTED_OUT, "category:marketing", Reason.OPTED_OUT),
        (SuppressionReason.COMPLAINED, "list:news", Reason.COMPLAINED),
        (SuppressionReason.BOUNCED, "all", Reason.BOUNCED),
        (SuppressionReason.INVALID, "all", Reason.INVALID_ADDRESS),
        (SuppressionReason.MANUAL, "list:news", Reason.MANUAL),
    ],
)
async def test_category_and_list_of_the_request_are_compared(
    reason: SuppressionReason, scope: str, logged: Reason
) -> None:
    world = World()
    await suppress(world, FULL[0], reason=reason, scope=scope)
    await world.expand(world.record(NUMBERS[0], category="marketing", list="news"))
    await world.expand(world.record(NUMBERS[0], request_id="r2"))
    await world.settle(2)

    assert await world.outcomes() == [("suppressed", logged.value)]
    stops_all = reason in {SuppressionReason.BOUNCED, SuppressionReason.INVALID}
    assert await world.outcomes("r2") == [("suppressed", logged.value) if stops_all else SENT]


async def test_mail_addresses_are_compared_without_their_case() -> None:
    world = World()
    await suppress(world, "Ann.Lee@example.com", channel=Channel.EMAIL)
    await world.expand(world.record("ann.LEE@Example.com", channel="email", subject="Hi"))
    await world.settle(2)

    assert await world.outcomes() == [OPTED_OUT]


async def test_the_suppressions_of_another_tenant_or_channel_stop_nothing() -> None:
    world = World()
    await suppress(world, FULL[0], tenant="t2")
    await suppress(world, FULL[0], channel=Channel.EMAIL)
    await world.expand(world.record(NUMBERS[0]))
    await world.settle(2)

    assert await world.outcomes() == [SENT]


async def test_a_tenant_without_suppressions_costs_no_query() -> None:
    world, steps = World(), Steps()
    await world.expand(world.record(*NUMBERS), world.context(steps))
    await world.deliver_all(world.context(steps))

    assert READ not in steps.done
    assert await world.outcomes() == [SENT] * 10


async def test_each_chunk_and_each_window_costs_one_query() -> None:
    world, steps = World(), Steps()
    await suppress(world, "+8613900139000")
    await world.expand(world.record(*NUMBERS), world.context(steps))
    assert steps.done.count(READ) == 3  # chunks of 4

    await world.deliver_all(world.context(steps))
    assert steps.done.count(READ) == 3 + 5  # windows of 2


async def test_an_opt_out_in_the_middle_of_a_request_counts_from_the_next_window_on() -> None:
    world = World()
    await suppress(world, "+8613900139000")
    pending = []
    opt_out = after(0, lambda: pending.append(asyncio.ensure_future(suppress(world, *FULL[1:4]))))
    world.providers[0].answers = opt_out
    await world.expand(world.record(*NUMBERS))
    await world.settle(2)

    assert pending[0].done()
    assert await world.outcomes() == [SENT, SENT, OPTED_OUT, OPTED_OUT, *[SENT] * 6]


async def test_a_small_request_that_is_claimed_at_once_is_checked_at_its_window() -> None:
    async with ServiceAndConsumer() as both:
        world = both.world
        await suppress(world, "+8613900139000", tenant="tnt_a")
        await both.send({**GOOD, "recipients": NUMBERS[:2]})
        await both.expand()
        await suppress(world, FULL[1], tenant="tnt_a")
        await world.deliver_all()
        (request_id,) = {event["request_id"] for event in world.events("request.accepted")}

        logs = await world.logs(request_id, "tnt_a")
        assert [(log.status, log.reason) for log in logs] == [
            (Status.SENT, None),
            (Status.SUPPRESSED, Reason.OPTED_OUT),
        ]


async def test_an_address_that_is_removed_gets_messages_again() -> None:
    world = World()
    await suppress(world, FULL[0], FULL[1])
    await unsuppress(world, FULL[0])
    await world.expand(world.record(*NUMBERS[:2]))
    await world.settle(2)

    assert await world.outcomes() == [SENT, OPTED_OUT]


async def test_the_first_addition_of_a_tenant_is_acknowledged_when_every_consumer_looks_for_it() -> None:
    world, started = World(), World().time
    context = world.context()
    await world.expand(world.record(*NUMBERS[:2]), context)  # it remembers that the tenant has no key
    assert await suppress(world, FULL[0]) == [Addition.ADDED]
    assert world.time - started == SETTLING
    assert SETTLING.total_seconds() > MAX_AGE_SECONDS + 2

    await world.deliver_all(context)
    assert await world.outcomes() == [OPTED_OUT, SENT]

    at = world.time
    assert await suppress(world, FULL[0]) == [Addition.UNCHANGED]
    assert world.time == at


@pytest.mark.parametrize("deduplicates", [False, True])
@pytest.mark.parametrize("on_uncertain", ["mark_unknown", "resend"])
async def test_a_delivery_that_may_have_been_sent_is_never_suppressed(*, deduplicates: bool, on_uncertain: str) -> None:
    provider = RecordingProvider(deduplicates=deduplicates)
    world = World(provider)
    await suppress(world, "+8613900139000")
    await world.expand(world.record(*NUMBERS[:2], on_uncertain=on_uncertain))
    steps = Steps(kill_at=await steps_until("book.send", provider, on_uncertain), after=True)
    assert await world.run_until_killed(world.deliver_all(world.context(steps)))
    assert provider.taken.total() == 1

    await suppress(world, *FULL[:2])
    world.pass_time(LEASE_SECONDS + 1)
    await world.settle()

    assert {status for status, _ in await world.outcomes()} == {"unknown"}
    assert provider.calls.total() == 1
    (completed,) = world.events("request.completed")
    assert completed["total"] == 2


async def steps_until(name: str, provider: RecordingProvider, on_uncertain: str) -> int:
    """Return the number of steps of a delivery before the first one with this name."""
    world, steps = World(RecordingProvider(deduplicates=provider.deduplicates)), Steps()
    await suppress(world, "+8613900139000")
    await world.expand(world.record(*NUMBERS[:2], on_uncertain=on_uncertain))
    await world.deliver_all(world.context(steps))
    return steps.done.index(name)


async def test_without_an_answer_a_delivery_ends_unknown_if_it_is_suppressed_before_the_next_try() -> None:
    world = World(RecordingProvider(answers=lambda *_: Uncertain(Reason.NO_ANSWER)))
    await suppress(world, "+8613900139000")
    await world.expand(world.record(NUMBERS[0], on_uncertain="resend"))
    await world.deliver_all()
    await suppress(world, FULL[0])
    await world.settle()

    (log,) = await world.logs()
    assert (log.status, log.reason, log.attempts) == (Status.UNKNOWN, Reason.NO_ANSWER, 1)
    assert log.error == "must not be sent again: opted_out"


@pytest.mark.parametrize("mode", ["resend", "deduplicates"])
async def test_not_sent_is_in_the_chunk_before_the_log_if_another_owner_may_be_sending(mode: str) -> None:
    world, steps = World(RecordingProvider(deduplicates=mode == "deduplicates")), Steps()
    await suppress(world, "+8613900139000")
    await world.expand(world.record(*NUMBERS[:2], on_uncertain="resend" if mode == "resend" else "mark_unknown"))
    await suppress(world, *FULL[:2])
    await world.deliver_all(world.context(steps))

    written = [name for name in steps.done if name in {"chunks.advance", "logs.insert_or_get"}]
    assert written == ["chunks.advance", "logs.insert_or_get"]
    assert await world.outcomes() == [OPTED_OUT] * 2


async def test_no_crash_lets_a_suppressed_delivery_through_or_decides_it_twice() -> None:
    killed_at = 0
    while True:
        world = World(RecordingProvider(deduplicates=True))
        await suppress(world, "+8613900139000")
        await world.expand(world.record(*NUMBERS[:3]))
        await suppress(world, FULL[0])
        steps = Steps(killed_at)
        killed = await world.run_until_killed(world.deliver_all(world.context(steps)))
        if killed:
            await unsuppress(world, FULL[0])  # the next owner would send it
        world.pass_time(LEASE_SECONDS + 1)
        await world.settle()

        outcomes, taken = await world.outcomes(), world.providers[0].taken
        assert [(status == "sent") for status, _ in outcomes[1:]] == [True, True]
        assert outcomes[0] in ([OPTED_OUT, SENT] if killed else [OPTED_OUT])
        assert taken[(await world.logs())[0].id] == (outcomes[0] == SENT)
        if not killed:
            return
        killed_at += 1


async def test_a_failover_checks_the_list() -> None:
    pending: list[Any] = []
    world = World(RecordingProvider("first"), RecordingProvider("second"))
    await suppress(world, "+8613900139000")

    def refuse(_message: Message, _calls: int) -> SendResult:
        if not pending:
            pending.append(asyncio.ensure_future(suppress(world, FULL[0])))
        return Retry(Reason.UNAVAILABLE, "HTTP 503")

    world.providers[0].answers = refuse
    await world.expand(world.record(NUMBERS[0], NUMBERS[1]))
    await world.settle(2)

    assert await world.outcomes() == [OPTED_OUT, SENT]
    assert (world.providers[0].calls.total(), world.providers[1].calls.total()) == (2, 1)


async def test_a_retry_checks_the_list() -> None:
    world = World(RecordingProvider(answers=lambda *_: Retry(Reason.UNAVAILABLE, "HTTP 503")))
    await suppress(world, "+8613900139000")
    await world.expand(world.record(NUMBERS[0]))
    await world.deliver_all()
    await suppress(world, FULL[0])
    await world.settle()

    assert await world.outcomes() == [OPTED_OUT]
    assert world.providers[0].calls.total() == 1


async def test_a_resend_checks_the_list_and_a_suppressed_one_repeats_nothing() -> None:
    world, book = await a_world()
    (part,) = await parts_of(world, selection := await select(world))
    await suppress(world, FULL[3])
    await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()

    assert await world.outcomes(selection.request_id) == [OPTED_OUT, SENT]
    assert len([log for log in await world.logs() if log.resent_as]) == 1
    assert book.taken.total() == 7


async def test_a_resend_keeps_the_list_of_its_request() -> None:
    world, _ = await a_world(list="news", category="marketing")
    (part,) = await parts_of(world, selection := await select(world))
    await suppress(world, FULL[3], scope="list:news")
    await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()

    assert await world.outcomes(selection.request_id) == [OPTED_OUT, SENT]


async def test_without_the_sealing_key_of_the_tenants_key_nothing_is_sent_until_it_is_back() -> None:
    world = World()
    await suppress(world, FULL[0])
    keys = [("k2", b"2" * 32), ("k1", bytes(32))]
    world.sealer = Sealer(keys[:1])
    await world.expand(world.record(*NUMBERS[:2]))
    await world.deliver_all()
    assert await world.outcomes() == []
    assert not world.providers[0].calls

    world.sealer = Sealer(keys)
    world.pass_time(NO_KEY.delay_seconds or 0)
    await world.settle()
    assert await world.outcomes() == [OPTED_OUT, SENT]
    assert {log.attempts for log in await world.logs()} == {0, 1}
