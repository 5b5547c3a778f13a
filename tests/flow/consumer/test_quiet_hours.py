"""Send windows of a tenant: a delivery waits in the ledger, spends no attempt, does not age, and expires."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.flow_control.tenant_cache import MAX_AGE_SECONDS
from core.ids import request_key
from core.quiet_hours import CLOCK_MARGIN
from core.retry import RetryPolicy
from core.send_result import Message, Retry, SendResult, Sent, Uncertain
from ledger.queries import LogQuery
from ledger.request_control import cancel_request
from schemas.statuses import Reason, Status
from schemas.tenant_settings import SendWindows, TenantSettings
from tests.flow.world import LEASE_SECONDS, RecordingProvider, Steps, World

NUMBERS = [f"138000000{n:02d}" for n in range(8)]
QUIET, SENT = ("suppressed", "quiet_hours"), ("sent", None)
NIGHT = datetime(2026, 7, 1, 16, tzinfo=UTC)
"""00:00 in Shanghai, 18:00 in Berlin, 12:00 in New York."""
DAY = "09:00-20:00"
HOUR = 3_600


async def a_world(*providers: RecordingProvider, window: str = DAY, default: str | None = None, **more: Any) -> World:
    """Return a world at night in Shanghai, whose tenant has a window for marketing."""
    world = World(*providers)
    world.time = NIGHT
    await change(world, SendWindows(marketing=window), default, **more)
    return world


async def change(world: World, windows: SendWindows, default: str | None = None, **more: Any) -> None:
    stored = await world.ledger.tenants.get("t1")
    settings = TenantSettings(send_window=windows, default_timezone=default, **more)
    assert await world.ledger.tenants.put("t1", settings, stored.version)


async def send(world: World, *recipients: object, steps: Steps | None = None, **fields: Any) -> None:
    """Expand a request of marketing, and deliver what may be delivered now."""
    await world.expand(world.record(*recipients, **{"category": "marketing", **fields}))
    await world.deliver_all(world.context(steps))


async def sent_after(world: World, hours: float) -> list[str]:
    """Let time pass, deliver what is due, and return the numbers that were called so far, in order."""
    world.pass_time(hours * HOUR + CLOCK_MARGIN.total_seconds())
    await world.deliver_all()
    return sorted(message.to[-2:] for message in world.providers[0].texts.values())


async def pending(world: World) -> list[Any]:
    return [log for log in (await world.ledger.logs.find(LogQuery("t1"))).items if log.status is Status.PENDING]


async def test_a_delivery_waits_until_the_window_opens_and_spends_no_attempt() -> None:
    world = await a_world()
    await send(world, *NUMBERS)
    assert await sent_after(world, 8.99) == []
    assert await sent_after(world, 0.01) == [number[-2:] for number in NUMBERS]

    logs = await world.logs()
    assert {(log.status, log.attempts) for log in logs} == {(Status.SENT, 1)}


async def test_a_waiting_delivery_is_shown_with_its_reason_and_its_time() -> None:
    world = await a_world()
    await send(world, *NUMBERS)

    logs = await pending(world)
    assert {(log.reason, log.attempts) for log in logs} == {(Reason.QUIET_HOURS, 0)}
    assert {log.next_attempt_at for log in logs} == {NIGHT + timedelta(hours=9) + CLOCK_MARGIN}


async def test_transactional_messages_ignore_the_window_unless_they_have_one() -> None:
    world = await a_world()
    await send(world, NUMBERS[0], category="transactional")
    assert await world.outcomes() == [SENT]

    await change(world, SendWindows(transactional=DAY))
    world.pass_time(MAX_AGE_SECONDS)
    await send(world, NUMBERS[0], category="transactional", request_id="r2")
    assert await world.outcomes("r2") == []


async def test_the_zone_of_the_recipient_goes_before_those_of_the_number_and_the_default() -> None:
    zones = [{"to": "13800000000", "timezone": "Europe/Berlin"}, "13800000001", "+442079460958"]
    world = await a_world(default="Asia/Tokyo")
    await send(world, *zones)

    assert await sent_after(world, 0) == ["00", "58"]  # 18:00 in Berlin, 17:00 in London
    assert await sent_after(world, 9) == ["00", "01", "58"]


@pytest.mark.parametrize(("default", "hours"), [("Asia/Tokyo", 8.0), ("Europe/Berlin", 0.0), (None, 0.0)])
async def test_mail_uses_the_zone_of_the_tenant_and_else_utc(default: str | None, hours: float) -> None:
    world = await a_world(default=default)
    await send(world, "ann@example.com", channel="email", subject="Hi")
    if hours:
        world.pass_time(hours * HOUR - 1)
        await world.deliver_all()
        assert await world.outcomes() == []
    world.pass_time(2)
    await world.deliver_all()
    assert await world.outcomes() == [SENT]


async def test_a_number_with_several_zones_waits_until_the_window_is_open_in_all_of_them() -> None:
    world = await a_world()
    await send(world, "+34600123456")  # Madrid, where it is 18:00, and the Canary Islands
    assert await world.outcomes() == [SENT]

    world.pass_time(2.5 * HOUR)  # 20:30 in Madrid
    await send(world, "+34600123456", request_id="r2")
    world.pass_time(13 * HOUR + 29 * 60)  # 09:59 in Madrid, 08:59 on the islands
    await world.deliver_all()
    assert await world.outcomes("r2") == []
    world.pass_time(90)
    await world.deliver_all()
    assert await world.outcomes("r2") == [SENT]


async def test_a_number_whose_zones_are_never_open_together_gets_nothing() -> None:
    world = await a_world(window="09:00-17:00")
    await send(world, "+79161234567", {"to": "+79161234568", "timezone": "Europe/Moscow"})

    assert await world.outcomes() == [QUIET]
    world.pass_time(14 * HOUR + 1)
    await world.settle(2)
    assert await world.outcomes() == [QUIET, SENT]


async def test_a_chunk_with_many_zones_is_claimed_once_for_each_opening() -> None:
    zones = ["Asia/Shanghai", "Asia/Tokyo", "Asia/Kolkata", "Europe/Berlin"]
    world, claims = await a_world(), Steps()
    people = [{"to": number, "timezone": zones[at % 4]} for at, number in enumerate(NUMBERS)]
    world.limits = replace(world.limits, chunk_size=8)
    await send(world, *people, steps=claims)
    assert claims.done.count("chunks.release") == 1
    assert await sent_after(world, 0) == ["03", "07"]  # Berlin

    for _ in range(12 * 4):  # a sweeper that looks each quarter of an hour
        world.pass_time(HOUR / 4)
        await world.deliver_all(world.context(claims))
    assert await world.outcomes() == [SENT] * 8
    assert claims.done.count("chunks.release") == 3  # the last opening closes it


async def test_the_wait_makes_no_delivery_older() -> None:
    tries = iter([Retry(Reason.UNAVAILABLE, "HTTP 503"), Retry(Reason.UNAVAILABLE, "HTTP 503"), Sent()])
    world = await a_world(RecordingProvider(answers=lambda *_: next(tries)), window="16:00-16:01")
    world.limits = replace(world.limits, retry=RetryPolicy(max_attempts=3, max_age=timedelta(hours=1)))
    world.pass_time(1)
    await send(world, {"to": NUMBERS[0], "timezone": "UTC"})
    world.pass_time(12 * HOUR)
    await world.deliver_all()
    (waiting,) = await pending(world)
    assert (waiting.attempts, waiting.reason) == (1, Reason.QUIET_HOURS)

    for seconds in (12 * HOUR, 10):
        world.pass_time(seconds)
        await world.deliver_all()
    (log,) = await world.logs()
    assert (log.status, log.attempts) == (Status.SENT, 3)


async def test_a_failover_that_waits_for_the_window_stays_in_its_round() -> None:
    world = await a_world(RecordingProvider("first"), RecordingProvider("second"), window="16:00-16:01")

    def refuse(_message: Message, _calls: int) -> SendResult:
        world.pass_time(60)
        return Retry(Reason.UNAVAILABLE, "HTTP 503")

    world.providers[0].answers = refuse
    await send(world, {"to": NUMBERS[0], "timezone": "UTC"})
    assert [log.reason for log in await pending(world)] == [Reason.UNAVAILABLE]
    world.pass_time(24 * HOUR - 30)
    await world.deliver_all()

    (log,) = await world.logs()
    assert (log.status, log.provider, log.attempts) == (Status.SENT, "second", 1)
    assert world.providers[0].calls.total() == 1


async def test_a_delivery_that_waits_expires() -> None:
    world = await a_world()
    await send(world, NUMBERS[0], expires_at="2026-07-02T00:30:00Z")
    world.pass_time(8.6 * HOUR)
    await world.deliver_all()

    assert await world.outcomes() == [("expired", "expired")]


async def test_a_delivery_that_waits_is_cancelled() -> None:
    world = await a_world()
    await send(world, *NUMBERS[:2])
    await cancel_request(world.ledger, request_key("t1", "r1"))
    await world.settle(2)

    assert await world.outcomes() == [("cancelled", "cancelled")] * 2


async def test_a_scheduled_request_is_checked_when_it_is_due() -> None:
    world = await a_world()
    await send(world, NUMBERS[0], send_at="2026-07-02T00:30:00Z")
    assert await sent_after(world, 8.6) == []
    assert await sent_after(world, 0.4) == ["00"]


async def test_a_change_of_the_window_counts_from_the_next_window_on() -> None:
    world = await a_world(window="00:00-24:00")
    context = world.context()
    await world.expand(world.record(*NUMBERS, category="marketing"), context)

    def close(_message: Message, _calls: int) -> SendResult:
        world.pass_time(MAX_AGE_SECONDS)
        return Sent()

    world.providers[0].answers = close
    await change(world, SendWindows(marketing=DAY), "Asia/Shanghai")
    await world.deliver_all(context)
    assert len(await world.logs()) == 2  # one window

    await change(world, SendWindows())
    assert len(await sent_after(world, 9)) == 8


@pytest.mark.parametrize("deduplicates", [False, True])
@pytest.mark.parametrize("on_uncertain", ["mark_unknown", "resend"])
async def test_a_delivery_that_may_have_been_sent_never_ends_as_not_sent(
    *, deduplicates: bool, on_uncertain: str
) -> None:
    """The process is killed after its first call, the window closes, and the request expires before it opens."""
    provider = RecordingProvider(deduplicates=deduplicates)
    world = await a_world(provider)
    world.time = NIGHT - timedelta(hours=4, minutes=1)  # 19:59 in Shanghai
    steps, fields = Steps(), {"on_uncertain": on_uncertain, "expires_at": "2026-07-02T00:30:00Z"}
    calls = iter(range(100))

    def kill(_message: Message, _calls: int) -> SendResult:
        if next(calls) == 0:
            steps.dead = True
        return Sent()

    provider.answers = kill
    assert await world.run_until_killed(send(world, *NUMBERS[:2], steps=steps, **fields))
    world.pass_time(LEASE_SECONDS + 60)
    await world.deliver_all()
    outcomes = await world.outcomes()
    assert outcomes == ([] if deduplicates or on_uncertain == "resend" else [("unknown", "interrupted")] * 2)

    world.pass_time(14 * HOUR)
    await world.settle(2)
    assert {status for status, _ in await world.outcomes()} == {"unknown"}
    assert provider.calls.total() == 1


async def test_a_doubted_delivery_is_sent_again_when_the_window_opens() -> None:
    answers = iter([Uncertain(Reason.NO_ANSWER), Sent()])
    world = await a_world(RecordingProvider(answers=lambda *_: next(answers)))
    world.time = NIGHT - timedelta(hours=4, seconds=1)
    await send(world, NUMBERS[0], on_uncertain="resend")
    world.pass_time(60)
    await world.deliver_all()
    assert await world.outcomes() == []
    assert await sent_after(world, 13) == ["00"]

    (log,) = await world.logs()
    assert (log.status, log.attempts) == (Status.SENT, 2)


async def test_no_crash_loses_a_waiting_delivery_or_sends_it_outside_the_window() -> None:
    killed_at = 0
    while True:
        world = await a_world()
        await world.expand(world.record(*NUMBERS[:3], category="marketing"))
        killed = await world.run_until_killed(world.deliver_all(world.context(Steps(killed_at))))
        world.pass_time(LEASE_SECONDS + 1)
        await world.deliver_all()
        assert not world.providers[0].calls
        world.pass_time(10 * HOUR)
        await world.settle(2)

        outcomes = await world.outcomes()
        assert len(outcomes) == 3
        assert set(outcomes) <= {SENT, ("unknown", "interrupted")}
        if not killed:
            assert outcomes == [SENT] * 3
            return
        killed_at += 1


async def test_a_tenant_without_a_window_costs_nothing() -> None:
    world, steps = World(), Steps()
    await send(world, *NUMBERS, steps=steps)
    other, others = await a_world(window="00:00-24:00"), Steps()
    await send(other, *NUMBERS, steps=others)

    assert steps.done == others.done
    assert await world.outcomes() == [SENT] * 8
