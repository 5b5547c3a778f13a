"""A provider that refuses our credentials is called once. A refusal of one message holds up the others once."""

from dataclasses import replace
from datetime import timedelta

from consumer.flow_control.credential_pause import FIRST_SECONDS
from core.retry import RetryPolicy
from core.send_result import Message, Retry, SendResult, Sent
from ledger.queries import LogQuery
from schemas.statuses import Reason, Status
from tests.flow.world import RecordingProvider, World

WRONG = Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, "vendor 29")
POISON = "13800000099"
NUMBERS = [f"138000000{n:02d}" for n in range(20)]


def refuse_poison(message: Message, _: int) -> SendResult:
    return WRONG if message.to.endswith(POISON) else Sent()


async def test_a_message_that_is_refused_as_if_by_the_account_holds_up_the_others_once() -> None:
    provider = RecordingProvider(answers=refuse_poison)
    world = World(provider)
    context = world.context()
    await world.expand(world.record(POISON, request_id="poison"))
    held_up = 0
    for at, number in enumerate(NUMBERS):
        await world.deliver_all(context)
        await world.expand(world.record(number, request_id=f"r{at}"))
        await world.deliver_all(context)
        held_up += not await world.logs(f"r{at}")
        world.pass_time(2 * FIRST_SECONDS)
    await world.deliver_all(context)

    assert [(await world.logs(f"r{at}"))[0].outcome for at in range(len(NUMBERS))] == ["sent"] * len(NUMBERS)
    assert held_up == 1
    assert provider.calls.total() > len(NUMBERS) + 5  # the poisonous message was tried again and again
    assert await world.logs("poison") == []


async def test_wrong_credentials_cost_one_call_and_everything_is_sent_after_their_repair() -> None:
    provider = RecordingProvider(answers=lambda *_: WRONG)
    world = World(provider)
    context = world.context()
    await world.expand(world.record(NUMBERS[0], request_id="first"))
    await world.deliver_all(context)
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(context)
    assert provider.calls.total() == 1

    provider.answers = lambda *_: Sent()
    for _ in range(4):
        world.pass_time(2 * FIRST_SECONDS)
        await world.deliver_all(context)
    assert await world.outcomes() == [("sent", None)] * len(NUMBERS)
    assert [log.outcome for log in await world.logs("first")] == ["sent"]


async def test_a_delivery_that_waits_shows_the_reason_and_only_its_age_ends_it() -> None:
    provider = RecordingProvider(answers=lambda *_: WRONG)
    world = World(provider)
    world.limits = replace(world.limits, retry=RetryPolicy(max_attempts=3, max_age=timedelta(hours=2)))
    context = world.context()
    await world.expand(world.record(*NUMBERS[:4]))
    hours = 0
    while not await world.logs():
        await world.deliver_all(context)
        waiting = [log for log in (await world.ledger.logs.find(LogQuery("t1"))).items if log.status is Status.PENDING]
        assert {log.reason for log in waiting} <= {WRONG.reason}
        world.pass_time(3_600)
        hours += 1
    await world.settle(3)

    assert hours > 3
    assert await world.outcomes() == [("failed", "provider_rejected_credentials")] * 4
    assert max(log.attempts for log in await world.logs()) < 3
    assert provider.calls.total() <= hours + 1
