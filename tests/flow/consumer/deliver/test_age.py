"""The age of a delivery is the time that it waited between its tries. Time in which no consumer could try is free."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from consumer.deliver.claim_chunks import Claimer
from core.ids import chunk_id, request_key
from core.retry import RetryPolicy
from core.send_result import Retry, SendResult, Sent, Uncertain
from ledger.models import Chunk
from ledger.request_control import cancel_request, pause_request, resume_request
from providers.provider import NO_FREE_CONNECTION
from schemas.statuses import Channel, Lane, Reason
from tests.flow.world import LEASE_SECONDS, START, RecordingProvider, World

KEY, DAY = request_key("t1", "r1"), 86_400
NUMBERS = [f"138000000{n:02d}" for n in range(20)]
SENT, GAVE_UP = ("sent", None), ("failed", "gave_up")
LIMITED, BUSY = Retry(Reason.RATE_LIMITED, "HTTP 429"), Retry(Reason.UNAVAILABLE, "503")


def refusing(answer: SendResult, times: int = 1) -> RecordingProvider:
    """A provider that refuses each delivery this often, and then takes it."""
    return RecordingProvider(answers=lambda _, before: answer if before < times else Sent())


async def only_chunk(world: World) -> Chunk:
    found = await world.ledger.chunks.get(chunk_id(KEY, 0, 0))
    assert found is not None
    return found


async def tried_again(world: World, rounds: int = 1, seconds: float = 700) -> list[tuple[str, str | None]]:
    for _ in range(rounds):
        world.pass_time(seconds)
        await world.deliver_all()
    return await world.outcomes()


@pytest.mark.parametrize("answer", [LIMITED, BUSY])
async def test_a_request_from_before_an_outage_of_a_weekend_is_tried_again_after_its_first_refusal(
    answer: SendResult,
) -> None:
    world = World(refusing(answer))
    await world.expand(world.record(NUMBERS[0]))
    world.pass_time(2 * DAY)
    await world.deliver_all()
    assert await world.outcomes() == []
    assert await tried_again(world) == [SENT]


@pytest.mark.parametrize("answer", [LIMITED, BUSY])
async def test_an_outage_between_two_tries_takes_no_attempt_away(answer: SendResult) -> None:
    world = World(refusing(answer, times=2))
    await world.expand(world.record(NUMBERS[0]))
    await world.deliver_all()
    assert await tried_again(world, rounds=2, seconds=5 * DAY) == [SENT]


async def test_a_pause_between_two_tries_takes_no_attempt_away() -> None:
    world = World(refusing(LIMITED, times=2))
    await world.expand(world.record(NUMBERS[0]))
    await world.deliver_all()
    await pause_request(world.ledger, KEY)
    assert await tried_again(world, seconds=5 * DAY) == []
    await resume_request(world.ledger, KEY)
    assert await tried_again(world, rounds=2) == [SENT]


async def test_a_pause_before_the_first_try_takes_no_attempt_away() -> None:
    world = World(refusing(BUSY, times=2))
    await world.expand(world.record(NUMBERS[0]))
    await pause_request(world.ledger, KEY)
    assert await tried_again(world, seconds=5 * DAY) == []
    await resume_request(world.ledger, KEY)
    assert await tried_again(world, rounds=3) == [SENT]


async def test_a_request_that_was_scheduled_far_ahead_is_not_old_when_its_time_comes() -> None:
    world = World(refusing(LIMITED))
    await world.expand(world.record(NUMBERS[0], send_at=(START + timedelta(days=300)).isoformat()))
    assert await tried_again(world, seconds=300 * DAY) == []
    assert await tried_again(world) == [SENT]


async def test_a_take_over_after_a_long_outage_keeps_the_age_of_the_window() -> None:
    world = World(refusing(LIMITED, times=3))
    await world.expand(world.record(NUMBERS[0], on_uncertain="resend"))
    await world.deliver_all()
    chunk = await only_chunk(world)
    assert chunk.work.next is not None
    waited = chunk.work.next.histories[0].waited
    world.pass_time(700)
    assert await Claimer(world.context()).claim_due((Lane.EXPRESS, Channel.SMS))  # and its process dies
    world.pass_time(5 * DAY + LEASE_SECONDS)
    await world.deliver_all()
    chunk = await only_chunk(world)
    assert chunk.work.next is not None
    assert waited < chunk.work.next.histories[0].waited < 2 * waited + timedelta(seconds=1)
    assert await tried_again(world, rounds=2) == [SENT]


async def test_a_provider_that_asks_for_more_than_the_age_is_asked_once_more() -> None:
    world = World(refusing(Retry(Reason.RATE_LIMITED, delay_seconds=2 * DAY)))
    await world.expand(world.record(NUMBERS[0]))
    await world.deliver_all()
    assert await tried_again(world, seconds=2 * DAY - 1) == []
    assert await tried_again(world) == [SENT]


async def test_a_delivery_that_is_refused_for_longer_than_the_age_is_given_up() -> None:
    world = World(book := refusing(LIMITED, times=10_000))
    world.limits = replace(world.limits, retry=RetryPolicy(3, timedelta(minutes=1)))
    await world.expand(world.record(NUMBERS[0]))
    await world.deliver_all()
    assert await tried_again(world, rounds=30) == [GAVE_UP]
    assert book.calls.total() == 13


async def test_full_slots_of_our_own_never_end_a_delivery() -> None:
    world = World(book := refusing(NO_FREE_CONNECTION, times=10_000))
    world.limits = replace(world.limits, retry=RetryPolicy(3, timedelta(seconds=5)))
    await world.expand(world.record(NUMBERS[0]))
    await world.deliver_all()
    assert await tried_again(world, rounds=50) == []
    book.answers = lambda *_: Sent()
    assert await tried_again(world) == [SENT]


async def test_a_channel_without_provider_keeps_its_deliveries_until_it_has_one() -> None:
    mail = RecordingProvider("post", Channel.EMAIL)
    world = World(mail)
    await world.expand(world.record(*NUMBERS[:2]))
    context = world.context()
    await world.deliver_all(context)
    assert context.readiness.warnings()["providers"] == "no provider for sms"
    assert not context.readiness.problems()["progress"]
    assert await tried_again(world, rounds=30) == []
    world.providers = (mail, RecordingProvider())
    assert await tried_again(world) == [SENT] * 2
    assert {log.attempts for log in await world.logs()} == {1}


@pytest.mark.parametrize(("policy", "reason"), [("mark_unknown", "interrupted"), ("resend", "no_answer")])
async def test_a_delivery_whose_only_permitted_provider_is_missing_ends_unknown(policy: str, reason: str) -> None:
    answers = Uncertain(Reason.NO_ANSWER)
    world = World(RecordingProvider("once", deduplicates=True, answers=lambda *_: answers))
    await world.expand(world.record(NUMBERS[0], on_uncertain=policy))
    await world.deliver_all()
    world.providers = (other := RecordingProvider("other"),)
    assert await tried_again(world, rounds=5) == [("unknown", reason)]
    assert not other.calls


async def expired(world: World) -> None:
    world.pass_time(DAY)


async def cancelled(world: World) -> None:
    await cancel_request(world.ledger, KEY)


@pytest.mark.parametrize(("end", "outcome"), [(expired, "expired"), (cancelled, "cancelled")])
async def test_a_delivery_that_was_never_offered_ends_by_its_expiry_or_a_cancel(
    end: Callable[[World], Awaitable[None]], outcome: str
) -> None:
    world = World(RecordingProvider("post", Channel.EMAIL))
    await world.expand(world.record(NUMBERS[0], expires_at=(START + timedelta(days=1)).isoformat()))
    await world.deliver_all()
    await end(world)
    assert await tried_again(world) == [(outcome, outcome)]
    (log,) = await world.logs()
    assert (log.attempts, log.provider) == (0, None)
    assert len(world.events("request.completed")) == 1


async def test_the_deliveries_of_one_window_do_not_all_come_back_at_the_same_moment() -> None:
    world = World(refusing(BUSY))
    world.limits = replace(world.limits, chunk_size=20, window_size=20)
    draws = iter(n / 40 for n in range(1, 1000))
    await world.expand(world.record(*NUMBERS))
    await world.deliver_all(replace(world.context(), random=lambda: next(draws)))
    chunk = await only_chunk(world)
    assert chunk.work.next is not None
    times = {line.not_before for line in chunk.work.retries}
    assert len(times) == len(NUMBERS) - len(chunk.work.next)
    assert 1 < len(chunk.work.next) < len(NUMBERS)
    assert await tried_again(world) == [SENT] * len(NUMBERS)
