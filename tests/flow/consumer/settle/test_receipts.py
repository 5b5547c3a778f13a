"""Receipts that find the log of their delivery: what moves, what is published, and what changes nothing."""

from dataclasses import replace
from typing import Any

import pytest

from consumer.events import outcome_events
from consumer.settle import receipt_events
from core.ids import receipt_event_id, request_key
from core.send_result import Failed, Sent, Uncertain
from ledger.request_counts import count_request
from schemas.receipts import ReceiptClass
from schemas.results import DeliveryEvent
from schemas.statuses import Reason, Status
from tests.flow.consumer.settle.receiver import TO, TOLD_AT, Receiver, a_receiver, an_id
from tests.flow.world import RecordingProvider, Steps, World, awake

NO_ANSWER = Uncertain(Reason.NO_ANSWER, "timed out")


def a_world(answer: Any) -> World:
    return World(RecordingProvider(answers=lambda _message, _calls: answer))


async def test_a_receipt_moves_the_log_and_its_event_tells_the_outcome_that_it_changed() -> None:
    receiver = await a_receiver({"to": TO, "reference": "order-1"}, correlation_id=...)

    await receiver.take(receiver.record("delivered", code="DELIVRD"))

    log = await receiver.log()
    assert (log.status, log.outcome, log.reason) == (Status.DELIVERED, Status.SENT, None)
    assert (log.receipt_code, log.receipt_at, log.settled_by) == ("DELIVRD", TOLD_AT, "0/0/1000")
    (event,) = receiver.events()
    assert event == {
        "event_id": receipt_event_id(an_id()),
        "type": "delivery.delivered",
        "request_id": "r1",
        "log_id": an_id(),
        "part": 0,
        "index": 0,
        "reference": "order-1",
        "tenant_id": "t1",
        "channel": "sms",
        "recipient": "138****0001",
        "status": "delivered",
        "outcome": "sent",
        "provider": "book",
        "reason": None,
        "error": None,
        "attempts": 1,
        "occurred_at": "2026-01-02T03:05:05.000Z",
        "correlation_id": None,
        "code": "DELIVRD",
    }
    assert DeliveryEvent.model_validate(event).outcome is Status.SENT
    assert receiver.committed == 1


async def test_a_failed_receipt_gives_its_class_its_code_and_its_text() -> None:
    receiver = await a_receiver()

    await receiver.take(receiver.record("failed", receipt_class="hard_bounce", code="5.1.1", error="no such user"))

    log = await receiver.log()
    assert (log.status, log.reason, log.error) == (Status.FAILED, Reason.UNDELIVERED, "no such user")
    assert log.receipt_class is ReceiptClass.HARD_BOUNCE
    (event,) = receiver.events()
    assert (event["type"], event["reason"], event["error"]) == ("delivery.failed", "undelivered", "no such user")
    assert (event["receipt_class"], event["code"]) == ("hard_bounce", "5.1.1")


async def test_an_unknown_delivery_that_was_sent_changes_without_an_event_and_may_change_again() -> None:
    receiver = await a_receiver(world=a_world(NO_ANSWER))

    await receiver.take(receiver.record("sent"))

    log = await receiver.log()
    assert (log.status, log.reason, log.error, log.outcome) == (Status.SENT, None, None, Status.UNKNOWN)
    assert receiver.events() == []
    assert receiver.committed == 1
    await receiver.take(receiver.record("delivered"))
    (event,) = receiver.events()
    assert (event["status"], event["outcome"]) == ("delivered", "unknown")
    assert receiver.committed == 2


@pytest.mark.parametrize(
    ("statuses", "end"),
    [
        (["delivered", "delivered"], Status.DELIVERED),
        (["delivered", "sent"], Status.DELIVERED),
        (["delivered", "failed"], Status.DELIVERED),
        (["failed", "delivered", "sent"], Status.FAILED),
        (["sent", "delivered"], Status.DELIVERED),
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_the_first_receipt_of_an_end_counts_and_a_status_never_goes_back(
    statuses: list[str], end: Status, *, together: bool
) -> None:
    receiver = await a_receiver(world=a_world(NO_ANSWER))
    records = [receiver.record(status) for status in statuses]

    for batch in [records] if together else [[record] for record in records]:
        await receiver.take(*batch)

    assert (await receiver.log()).status is end
    assert [event["status"] for event in receiver.events()] == [end.value]
    assert receiver.published() == 1
    assert receiver.committed == len(statuses)


async def test_a_record_that_is_read_again_publishes_the_same_event_and_another_one_publishes_nothing() -> None:
    receiver = await a_receiver()
    first, second = receiver.record(), receiver.record()
    await receiver.take(first, second)

    await receiver.take(first, second)

    assert receiver.published() == 2
    assert len(receiver.events()) == 1


@pytest.mark.parametrize("recipient", [TO, "12"])
async def test_a_delivery_that_was_not_sent_never_changes(recipient: str) -> None:
    receiver = await a_receiver(recipient, world=a_world(Failed(Reason.REJECTED, "no")))
    before = await receiver.log()
    assert before.status is Status.FAILED

    await receiver.take(receiver.record("delivered"), receiver.record("failed"))

    assert await receiver.log() == before
    assert receiver.events() == []
    assert receiver.committed == 2


async def test_a_provider_tells_nothing_of_the_deliveries_of_another() -> None:
    receiver = await a_receiver()
    before = await receiver.log()

    await receiver.take(
        receiver.record(provider="post"),
        receiver.record(provider="prv_00000000000000aa", tenant_id="t1"),
        receiver.record(tenant_id="t2"),
    )

    assert await receiver.log() == before
    assert receiver.events() == []
    assert receiver.committed == 3
    assert await receiver.world.ledger.receipts.count() == 0


@pytest.mark.parametrize(
    ("provider", "tenant_id", "moves"),
    [
        ("prv_00000000000000aa", "t1", True),
        ("prv_00000000000000ab", "t1", False),
        ("prv_00000000000000aa", "t2", False),
        ("prv_00000000000000aa", None, False),
        ("gateway", "t1", False),
        ("gateway@prv_00000000000000aa.3", None, False),
    ],
)
async def test_an_own_provider_tells_of_the_deliveries_of_its_tenant_whatever_its_configuration(
    provider: str, tenant_id: str | None, *, moves: bool
) -> None:
    receiver = await a_receiver()
    logs = receiver.world.ledger.logs._store.logs  # type: ignore[attr-defined]
    logs[an_id()] = logs[an_id()]._replace(provider="gateway@prv_00000000000000aa.3")

    await receiver.take(receiver.record(provider=provider, tenant_id=tenant_id))

    assert len(receiver.events()) == moves


async def test_an_outcome_that_is_published_after_its_receipt_stays_what_it_was() -> None:
    world = a_world(NO_ANSWER)
    receiver = await a_receiver(world=world)
    (before,) = world.events("delivery.")
    await receiver.take(receiver.record("failed", error="mailbox full"))
    request = await world.ledger.requests.get(request_key("t1", "r1"))
    assert request is not None

    (again,) = outcome_events({0: await receiver.log()}, request.header, 0)

    world.bus.events["again"].append(("r1", again))
    assert world.events("delivery.", "again") == [before]


async def test_counts_follow_and_a_receipt_that_comes_twice_counts_once() -> None:
    people = [f"1380000000{at}" for at in range(4)]
    world = World(RecordingProvider(answers=lambda message, _: NO_ANSWER if message.to[-1] == "3" else Sent("m")))
    receiver = await a_receiver(*people, world=world)
    ids = [an_id(at) for at in range(4)]
    twice = [("delivered", ids[0]), ("failed", ids[1]), ("sent", ids[3])] * 2

    await receiver.take(*(receiver.record(status, delivery_id=id_) for status, id_ in twice))

    request = await world.ledger.requests.get(request_key("t1", "r1"))
    assert request is not None
    counts = await count_request(world.ledger, request)
    assert counts.current == {
        (Status.DELIVERED, None): 1,
        (Status.FAILED, Reason.UNDELIVERED): 1,
        (Status.SENT, None): 2,
    }
    assert counts.outcomes == {(Status.SENT, None): 3, (Status.UNKNOWN, Reason.NO_ANSWER): 1}
    assert counts.done == 4


async def test_an_unknown_delivery_without_a_provider_may_be_told_of_by_any() -> None:
    """A cancel ends a delivery that may have been sent before its retry, and names no provider."""
    receiver = await a_receiver(world=a_world(NO_ANSWER))
    logs = receiver.world.ledger.logs._store.logs  # type: ignore[attr-defined]
    logs[an_id()] = logs[an_id()]._replace(provider=None)

    await receiver.take(receiver.record("delivered"))

    assert (await receiver.log()).status is Status.DELIVERED


async def test_what_waits_is_settled_with_one_search_one_write_and_one_publication() -> None:
    people = [f"138{at:08d}" for at in range(100)]
    receiver = await a_receiver(*people)
    records = [receiver.record(delivery_id=an_id(at)) for at in range(100)]
    calls: list[str] = []

    await receiver.take(*records, context=counting(receiver, calls))

    assert len(receiver.events()) == 100
    assert calls.count("logs.get_many") == calls.count("logs.settle") == calls.count("bus.publish_events") == 1


def counting(receiver: Receiver, calls: list[str]) -> Any:
    steps = Steps()
    steps.done = calls
    return awake(receiver.world.context(steps))


async def test_the_headers_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_events, "MAX_HEADERS", 2)
    receiver = await a_receiver()
    for number in range(2, 5):
        await receiver.world.expand(receiver.world.record(TO, request_id=f"r{number}"))
    await receiver.world.settle()
    context, calls = awake(receiver.world.context()), list[str]()
    events = receipt_events.ReceiptEvents(replace(context, ledger=counting(receiver, calls).ledger))
    keys = [request_key("t1", f"r{number}") for number in range(1, 5)]

    assert (await events.load_headers(keys)).keys() == set(keys)
    assert (await events.load_headers(keys[2:])).keys() == set(keys[2:])
    assert calls.count("requests.get_headers") == 1
    await events.load_headers(keys[:1])
    assert calls.count("requests.get_headers") == 2
