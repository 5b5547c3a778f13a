"""Receipts about deliveries whose recipient was erased: the status moves, and nothing about the person comes back."""

from core.addresses import AddressRules
from schemas.statuses import Channel, Status
from tests.flow.consumer.erased import finish, order
from tests.flow.consumer.settle.receiver import TO, a_receiver, hash_of

FULL = AddressRules(Channel.SMS, "CN").normalise(TO) or ""


async def test_a_receipt_moves_an_erased_delivery_and_brings_no_text_back() -> None:
    receiver = await a_receiver(TO, "13800000002")
    await order(receiver.world, FULL)
    await finish(receiver.world)

    about = {"receipt_class": "hard_bounce", "error": f"{TO} is unknown"}
    await receiver.take(receiver.record("failed", recipient_hashes=[hash_of(receiver.world.sealer, FULL)], **about))

    log = await receiver.log()
    assert (log.status, log.error, log.recipient[:7]) == (Status.FAILED, None, "erased:")
    assert [event["recipient"][:7] for event in receiver.events()] == ["erased:"]
    assert receiver.committed == 1
    assert receiver.world.ledger.suppressions._stored == {}  # type: ignore[attr-defined]
