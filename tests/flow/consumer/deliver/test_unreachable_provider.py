"""A provider that takes no connection costs no attempt, and does not keep its deliveries either."""

from consumer.context import ConsumerContext
from consumer.flow_control.provider_breaker import LONGEST_SECONDS
from core.send_result import Retry, Sent, Uncertain
from schemas.statuses import Reason
from tests.flow.world import RecordingProvider, World

NUMBERS = [f"138000000{n:02d}" for n in range(4)]
FULL = Retry(Reason.RATE_LIMITED, "connecting: SMTP 421", unreachable=True)
LIMITED = Retry(Reason.RATE_LIMITED, "HTTP 429")


def full() -> RecordingProvider:
    return RecordingProvider("full", answers=lambda *_: FULL)


async def send(world: World, rounds: int, context: ConsumerContext | None = None) -> None:
    """Expand a request of two windows, and deliver it in rounds of ten seconds in one process."""
    context = context or world.context()
    await world.expand(world.record(*NUMBERS))
    for _ in range(rounds):
        await world.deliver_all(context)
        world.pass_time(10)


async def test_the_next_provider_sends_what_a_provider_without_a_connection_refused() -> None:
    first, second = full(), RecordingProvider("second")
    world = World(first, second)
    await send(world, 2)

    logs = await world.logs()
    assert [(log.outcome, log.provider, log.attempts) for log in logs] == [("sent", "second", 1)] * 4
    assert first.calls.total() == 1  # all others go to the second provider at once


async def test_a_provider_gets_its_turn_again_after_a_while() -> None:
    first, second = full(), RecordingProvider("second")
    world = World(first, second)
    context = world.context()
    await send(world, 2, context)
    world.pass_time(LONGEST_SECONDS)
    first.answers = lambda *_: Sent()
    await world.expand(world.record(NUMBERS[0], request_id="r2"))
    await world.deliver_all(context)

    assert [log.provider for log in await world.logs("r2")] == ["full"]


async def test_if_no_provider_takes_a_connection_each_is_asked_and_no_attempt_is_used() -> None:
    first, second = full(), RecordingProvider("second", answers=lambda *_: FULL)
    world = World(first, second)
    context = world.context()
    await send(world, 40, context)  # more rounds than the attempts of a delivery
    assert await world.outcomes() == []
    assert first.calls
    assert second.calls

    second.answers = lambda *_: Sent()
    await send(world, 10, context)
    assert await world.outcomes() == [("sent", None)] * 4


async def test_a_provider_that_asks_to_wait_keeps_its_turn() -> None:
    first, second = (
        RecordingProvider("first", answers=lambda _, n: Sent() if n else LIMITED),
        RecordingProvider("second"),
    )
    world = World(first, second)
    await send(world, 2)

    assert [log.provider for log in await world.logs()] == ["first"] * 4
    assert not second.calls


async def test_a_delivery_that_a_deduplicating_provider_may_have_accepted_stays_with_it() -> None:
    answers = [Uncertain(Reason.NO_ANSWER, "timed out"), FULL, FULL]
    first = RecordingProvider(
        "first", deduplicates=True, answers=lambda _, n: answers[n] if n < len(answers) else Sent()
    )
    second = RecordingProvider("second")
    world = World(first, second)
    await send(world, 60)  # one trial call in each

    assert [log.provider for log in await world.logs()] == ["first"] * 4
    assert not second.calls
