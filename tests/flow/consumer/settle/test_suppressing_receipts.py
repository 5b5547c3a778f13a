"""Receipts that suppress their recipient: who gets no message afterwards, and of which kind."""

from typing import Any

import pytest

from core.ids import log_id, request_key
from ledger.sealing import Sealer
from schemas.statuses import Channel
from tests.flow.consumer.settle.receiver import TO, Receiver, a_receiver, an_id, hash_of
from tests.flow.world import RecordingProvider, World

MAIL = "to@example.com"
SENT = ("sent", None)
SOON_SECONDS = 3


def mail_world() -> World:
    return World(RecordingProvider("book", Channel.EMAIL))


async def a_mail(**request: Any) -> Receiver:
    return await a_receiver(MAIL, world=mail_world(), channel="email", subject="Hello", **request)


async def next_outcomes(receiver: Receiver, *recipients: object, **request: Any) -> list[tuple[str, str | None]]:
    """Return how the deliveries of a later request end. Consumers know the key of the tenant by then."""
    world = receiver.world
    world.pass_time(10)
    await world.expand(world.record(*recipients, request_id="r2", **request))
    await world.settle(2)
    return await world.outcomes("r2")


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [("failed", "hard_bounce", "bounced"), ("delivered", "complaint", "complained"), ("sent", "opt_out", "opted_out")],
)
async def test_a_receipt_of_a_class_suppresses_its_recipient_and_no_other(status: str, kind: str, reason: str) -> None:
    receiver = await a_receiver()

    await receiver.take(receiver.record(status, receipt_class=kind))

    assert await next_outcomes(receiver, TO, "13800000002") == [("suppressed", reason), SENT]
    assert receiver.committed == 1


async def test_a_complaint_after_the_delivery_counts_although_the_log_does_not_move() -> None:
    receiver = await a_receiver()
    await receiver.take(receiver.record("delivered"))

    await receiver.take(receiver.record("delivered", receipt_class="complaint"))

    assert await next_outcomes(receiver, TO) == [("suppressed", "complained")]
    assert receiver.published() == 1


async def test_who_complains_about_a_newsletter_still_gets_the_notices_that_he_caused() -> None:
    receiver = await a_mail(category="marketing")

    await receiver.take(receiver.record("delivered", receipt_class="complaint"))

    mail = {"channel": "email", "subject": "Hello"}
    assert await next_outcomes(receiver, MAIL, **mail) == [SENT]
    receiver.world.pass_time(1)
    await receiver.world.expand(receiver.world.record(MAIL, request_id="r3", category="marketing", **mail))
    await receiver.world.settle(2)
    assert await receiver.world.outcomes("r3") == [("suppressed", "complained")]


async def test_a_bounce_of_a_copy_neither_moves_the_delivery_nor_suppresses_its_recipient() -> None:
    receiver = await a_mail()
    copy = hash_of(receiver.world.sealer, "copy@example.com")

    await receiver.take(receiver.record("failed", receipt_class="hard_bounce", recipient_hashes=[copy]))

    assert (await receiver.log()).status == "sent"
    assert await next_outcomes(receiver, MAIL, channel="email", subject="Hello") == [SENT]


async def test_only_several_soft_bounces_within_the_period_suppress_an_address_and_not_for_ever() -> None:
    receiver = await a_receiver()
    world = receiver.world
    outcomes = []
    for number in range(1, 6):
        request_id = f"r{number}"
        if number > 1:
            await world.expand(world.record(TO, request_id=request_id))
            await world.settle(2)
        outcomes += await world.outcomes(request_id)
        delivery = log_id(request_key("t1", request_id), 0, 0)
        await receiver.take(receiver.record("failed", receipt_class="soft_bounce", delivery_id=delivery))
        world.pass_time(10)

    assert outcomes == [SENT, SENT, SENT, ("suppressed", "bounced"), ("suppressed", "bounced")]
    world.pass_time(31 * 86_400)
    assert await last_outcome(world, "r9") == SENT


async def last_outcome(world: World, request_id: str) -> tuple[str, str | None]:
    await world.expand(world.record(TO, request_id=request_id))
    await world.settle(2)
    return (await world.outcomes(request_id))[0]


async def test_a_receipt_that_came_early_suppresses_when_its_log_is_there() -> None:
    world = World()
    await world.expand(world.record(TO))
    receiver = Receiver(world)
    await receiver.take(receiver.record("failed", receipt_class="hard_bounce", delivery_id=an_id()))
    await world.settle()

    await receiver.sweep()

    assert await next_outcomes(receiver, TO) == [("suppressed", "bounced")]


async def test_without_a_sealing_key_the_event_is_published_and_the_suppression_waits_for_the_key() -> None:
    receiver = await a_receiver()
    world = receiver.world
    keys = [("k2", b"2" * 32), ("k1", bytes(32))]
    world.sealer = Sealer(keys[:1])

    await receiver.take(receiver.record("failed", receipt_class="hard_bounce"))

    assert (receiver.published(), receiver.committed, world.bus.dead_letters) == (1, 1, [])
    world.pass_time(SOON_SECONDS)
    await receiver.sweep()
    assert await world.ledger.receipts.count() == 1
    world.sealer = Sealer(keys)
    world.pass_time(SOON_SECONDS * 10)
    await receiver.sweep()
    assert await world.ledger.receipts.count() == 0
    assert await next_outcomes(receiver, TO) == [("suppressed", "bounced")]
    assert len({event["event_id"] for event in receiver.events()}) == 1
