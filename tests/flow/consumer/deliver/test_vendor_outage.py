"""A vendor that is down for an hour: failover, retries by the policy, and nobody else waits."""

from dataclasses import replace
from datetime import timedelta

from core.retry import RetryPolicy
from core.send_result import Retry, SendResult, Sent
from schemas.statuses import Channel, Reason
from tests.flow.world import START, RecordingProvider, World

DOWN = Retry(Reason.UNAVAILABLE, "connecting: connection refused")
MINUTES = 60
NUMBERS = [f"138000000{n:02d}" for n in range(3)]


class Vendor(RecordingProvider):
    """Provider that is down for the first hour."""

    world: World

    async def send_one(self, draft: object) -> SendResult:
        self.answers = lambda *_: DOWN if self.world.time < START + timedelta(minutes=MINUTES) else Sent()
        return await super().send_one(draft)  # type: ignore[arg-type]


def a_world(*others: RecordingProvider) -> tuple[World, Vendor]:
    vendor = Vendor("vendor")
    world = World(vendor, *others)
    vendor.world = world
    return world, vendor


async def test_the_next_provider_sends_and_nobody_waits_a_minute() -> None:
    world, vendor = a_world(RecordingProvider("spare"), RecordingProvider("post", Channel.EMAIL))
    context = world.context()
    for minute in range(MINUTES + 2):
        name = f"r{minute}"
        await world.expand(world.record(*NUMBERS, request_id=name))
        await world.expand(world.record(*NUMBERS, request_id=name, tenant_id="t2"))
        mail = {"channel": "email", "subject": "Hi", "request_id": f"mail{minute}"}
        await world.expand(world.record("anna@example.com", **mail))
        for _ in range(3):
            await world.deliver_all(context)
            world.pass_time(20)
        for tenant in ("t1", "t2"):
            assert [log.outcome for log in await world.logs(name, tenant)] == ["sent"] * len(NUMBERS)
        assert [log.outcome for log in await world.logs(f"mail{minute}")] == ["sent"]

    assert {log.provider for log in await world.logs("r0")} == {"spare"}
    assert {log.provider for log in await world.logs(f"r{MINUTES + 1}")} == {"vendor"}
    assert set(vendor.taken.values()) == {1}


async def test_without_another_provider_the_deliveries_wait_and_are_sent_after_the_hour() -> None:
    world, vendor = a_world(RecordingProvider("post", Channel.EMAIL))
    world.limits = replace(world.limits, retry=RetryPolicy(max_attempts=40, max_age=timedelta(days=1)))
    context = world.context()
    await world.expand(world.record(*NUMBERS))
    for minute in range(3 * MINUTES):
        await world.expand(world.record("anna@example.com", channel="email", subject="Hi", request_id=f"mail{minute}"))
        await world.deliver_all(context)
        assert [log.outcome for log in await world.logs(f"mail{minute}")] == ["sent"]
        world.pass_time(60)

    assert await world.outcomes() == [("sent", None)] * len(NUMBERS)
    assert vendor.taken.total() == len(NUMBERS)
