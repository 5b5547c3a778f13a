"""Erasure of the data of a person, and what is left of it."""

from core.ids import chunk_id, request_key
from ledger.chunk_recipients import open_recipients
from tests.flow.consumer.erased import finish, order, run_pass
from tests.flow.world import World

NUMBERS = [f"138000000{n:02d}" for n in range(10)]
FULL = [f"+86{number}" for number in NUMBERS]
SENT, ERASED = ("sent", None), ("cancelled", "erased")


async def test_a_delivery_that_was_sent_loses_its_recipient_and_keeps_its_outcome() -> None:
    world = World()
    people = [{"to": number, "reference": f"c-{number}"} for number in NUMBERS[:6]]
    await world.expand(world.record(*people))
    await world.settle(2)

    erasure = await order(world, FULL[1])
    await finish(world)

    logs = await world.logs()
    assert [log.recipient.startswith("erased:") for log in logs] == [False, True, False, False, False, False]
    assert logs[1].recipient_hash != logs[0].recipient_hash
    assert (logs[1].reference, logs[1].provider_message_id, logs[1].response) == (None, None, None)
    assert await world.outcomes() == [SENT] * 6
    chunk = await world.ledger.chunks.get(chunk_id(request_key("t1", "r1"), 0, 0))
    assert chunk is not None
    assert [to for to, _ in open_recipients(world.sealer, chunk.id, chunk.sealed)] == [FULL[0], "", *FULL[2:4]]
    assert erasure.id[-23:] in logs[1].recipient


async def test_pending_deliveries_are_cancelled_and_the_others_are_sent() -> None:
    world = World()
    later = "2026-01-03T00:00:00Z"
    await world.expand(world.record(*NUMBERS[:6], send_at=later))
    await order(world, FULL[5])
    await run_pass(world)
    world.pass_time(86_400)
    await world.settle(2)

    assert await world.outcomes() == [*[SENT] * 5, ERASED]
    assert FULL[5] not in {message.to for message in world.providers[0].texts.values()}
    assert (await world.logs())[5].recipient.startswith("erased:")
