"""Receipts that find no log, several logs, or no way to be read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cli.dead_letters.reader import DeadLetterEntry
from cli.dead_letters.replay import check_replayable
from cli.dead_letters.show import open_dead_letter
from consumer.settle import keep_receipts, match_receipts
from core.send_result import HiddenMessageId, Sent
from schemas.statuses import Status
from tests.flow.consumer.settle.receiver import TO, Receiver, a_receiver, an_id, hash_of
from tests.flow.world import START, TOPICS, RecordingProvider, World, awake

DAY_SECONDS = 86_400
SOON_SECONDS = 3


def metric(context: Any, name: str, **labels: str) -> float:
    return context.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_a_receipt_that_comes_before_its_delivery_is_settled_waits_for_the_log() -> None:
    world = World()
    await world.expand(world.record(TO))
    receiver = Receiver(world)

    await receiver.take(receiver.record())
    assert receiver.committed == 1
    world.pass_time(SOON_SECONDS)
    await receiver.sweep()
    assert receiver.events() == []
    await world.settle()
    await receiver.sweep()

    assert (await receiver.log()).status is Status.DELIVERED
    (event,) = receiver.events()
    assert (event["status"], event["outcome"]) == ("delivered", "sent")
    assert await world.ledger.receipts.count() == 0


async def test_the_number_of_kept_receipts_is_shown_by_every_consumer() -> None:
    receiver = Receiver(World())
    await receiver.take(receiver.record(), receiver.record())
    context = awake(receiver.world.context())

    await receiver.sweep(context)

    assert metric(context, "rollcall_receipts_kept") == 2


async def test_a_receipt_is_kept_sealed() -> None:
    receiver = Receiver(World())

    await receiver.take(receiver.record(provider_message_id="13800000001", error="told in plain words"))

    ((kept, _),) = receiver.world.ledger.receipts._store.receipts.values()  # type: ignore[attr-defined]
    assert b"13800000001" not in kept.sealed
    assert b"plain" not in kept.sealed


async def test_several_kept_receipts_of_one_delivery_have_one_event() -> None:
    world = World()
    await world.expand(world.record(TO))
    receiver = Receiver(world)
    await receiver.take(receiver.record("sent"), receiver.record("delivered"), receiver.record("delivered"))
    await world.settle()

    await receiver.sweep()

    assert receiver.published() == 1
    assert await world.ledger.receipts.count() == 0


async def test_the_receipt_of_a_deleted_request_is_counted_after_a_day() -> None:
    receiver = await a_receiver()
    world = receiver.world
    while await world.ledger.retention.delete(after=timedelta(), limit=10):
        pass
    context = awake(world.context())

    await receiver.take(receiver.record())
    for _ in range(30):
        await receiver.sweep(context)
        assert receiver.events() == []
        world.pass_time(DAY_SECONDS / 24)

    assert await world.ledger.receipts.count() == 0
    labels = {"provider": "book", "status": "delivered", "class": ""}
    assert metric(context, "rollcall_receipts_total", **labels, result="unmatched") == 1


async def test_the_event_of_a_log_whose_request_is_gone_goes_to_the_default_topic() -> None:
    receiver = await a_receiver(reply_topic="replies", world=World(reply_topics=["replies"]))
    receiver.world.ledger.requests._store.requests.clear()  # type: ignore[attr-defined]

    await receiver.take(receiver.record())

    assert receiver.published() == 1
    assert receiver.committed == 1


async def test_the_event_goes_to_the_reply_topic_of_the_request() -> None:
    headers = [("correlation_id", b"c-1")]
    receiver = await a_receiver(reply_topic="replies", world=World(reply_topics=["replies"]), headers=headers)

    await receiver.take(receiver.record())

    (event,) = receiver.events("replies")
    assert event["correlation_id"] == "c-1"
    assert receiver.published() == 0


async def test_a_reply_topic_that_was_deleted_does_not_stop_the_receipts() -> None:
    receiver = await a_receiver(reply_topic="replies", world=World(reply_topics=["replies"]))
    receiver.world.bus.delete_topic("replies")

    await receiver.take(receiver.record())

    assert receiver.published() == 1
    assert receiver.committed == 1


@pytest.mark.parametrize("message_id", ["SM0123456789abcdef0123456789abcdef", HiddenMessageId("to 13800000001")])
async def test_a_receipt_without_our_id_is_matched_by_the_message_id(message_id: str | HiddenMessageId) -> None:
    answer = Sent(message_id)
    receiver = await a_receiver(world=World(RecordingProvider(answers=lambda _message, _calls: answer)))
    text = message_id if isinstance(message_id, str) else message_id.text

    await receiver.take(receiver.record(delivery_id=None, provider_message_id=text))

    assert (await receiver.log()).status is Status.DELIVERED
    assert receiver.published() == 1


async def test_an_id_of_ours_that_has_no_log_gives_way_to_the_message_id() -> None:
    receiver = await a_receiver()

    await receiver.take(receiver.record(delivery_id=an_id(7), provider_message_id=f"m-{an_id()}"))

    assert receiver.published() == 1


async def a_batch() -> Receiver:
    """Return the receiver of a request to three recipients, all with one message id."""
    people = [f"1380000000{at}" for at in range(3)]
    return await a_receiver(*people, world=World(RecordingProvider(answers=lambda _message, _calls: Sent("batch"))))


async def test_of_a_batch_with_one_message_id_the_hash_of_the_recipient_tells_the_delivery() -> None:
    receiver = await a_batch()
    hashes = ["k9:" + 32 * "0", hash_of(receiver.world.sealer, "+8613800000001")]

    await receiver.take(receiver.record(delivery_id=None, provider_message_id="batch", recipient_hashes=hashes))

    assert [(await receiver.log(at)).status for at in range(3)] == [Status.SENT, Status.DELIVERED, Status.SENT]
    assert [event["index"] for event in receiver.events()] == [1]


async def test_the_receipts_of_a_batch_that_come_together_find_one_delivery_each() -> None:
    receiver = await a_batch()
    people = [f"+861380000000{at}" for at in range(2)]
    hashes = [[hash_of(receiver.world.sealer, to)] for to in people]
    records = [
        receiver.record(status, delivery_id=None, provider_message_id="batch", recipient_hashes=each)
        for status, each in zip(("delivered", "failed"), hashes, strict=True)
    ]

    await receiver.take(*records)

    assert [(await receiver.log(at)).status for at in range(3)] == [Status.DELIVERED, Status.FAILED, Status.SENT]


@pytest.mark.parametrize("hashes", [[], ["k1:" + 32 * "0"]])
async def test_a_receipt_that_may_be_about_several_deliveries_changes_none(hashes: list[str]) -> None:
    receiver = await a_batch()

    await receiver.take(receiver.record(delivery_id=None, provider_message_id="batch", recipient_hashes=hashes))

    assert {(await receiver.log(at)).status for at in range(3)} == {Status.SENT}
    assert await receiver.world.ledger.receipts.count() == 1


async def test_many_deliveries_with_one_message_id_hide_none_of_other_receipts() -> None:
    people = [f"1380000{at:04d}" for at in range(30)]
    answers = lambda message, _calls: Sent("one" if message.to.endswith("0029") else "batch")  # noqa: E731
    receiver = await a_receiver(*people, world=World(RecordingProvider(answers=answers)))
    records = [receiver.record(delivery_id=None, provider_message_id=each) for each in ("batch", "one", "batch")]

    await receiver.take(*records)

    assert [event["index"] for event in receiver.events()] == [29]
    assert await receiver.world.ledger.receipts.count() == 2


async def test_no_part_of_the_deliveries_with_one_message_id_is_taken_for_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The logs that were left out of a search may have the message id of one that was read."""
    monkeypatch.setattr(match_receipts, "LEAST_LOGS", 1)
    monkeypatch.setattr(match_receipts, "LOGS_PER_RECEIPT", 1)
    receiver = await a_batch()

    await receiver.take(receiver.record(delivery_id=None, provider_message_id="batch"))

    assert {(await receiver.log(at)).status for at in range(3)} == {Status.SENT}


async def test_the_only_log_of_a_message_id_is_not_taken_for_that_of_another_recipient() -> None:
    """The logs of a batch are not written at once, and a crash may leave some of them out."""
    receiver = await a_batch()
    logs = receiver.world.ledger.logs._store.logs  # type: ignore[attr-defined]
    del logs[an_id(1)], logs[an_id(2)]
    hashes = [[hash_of(receiver.world.sealer, f"+861380000000{at}")] for at in (1, 0)]
    records = [
        receiver.record(status, delivery_id=None, provider_message_id="batch", recipient_hashes=each)
        for status, each in zip(("failed", "delivered"), hashes, strict=True)
    ]

    await receiver.take(*records)  # together, so that the one log is found

    assert (await receiver.log()).status is Status.DELIVERED
    assert await receiver.world.ledger.receipts.count() == 1


async def test_a_status_that_the_table_of_the_vendor_does_not_have_is_counted_with_its_code() -> None:
    receiver = await a_receiver()
    context = awake(receiver.world.context())

    await receiver.take(receiver.record("unrecognised", code="X-17"), context=context)

    assert (await receiver.log()).status is Status.SENT
    assert receiver.committed == 1
    assert await receiver.world.ledger.receipts.count() == 0
    assert metric(context, "rollcall_receipts_unrecognised_total", provider="book", code="X-17") == 1


async def test_the_names_in_metrics_are_few_whatever_a_record_says() -> None:
    receiver = await a_receiver()
    context = awake(receiver.world.context())
    records = [receiver.record("unrecognised", code=f"{at}", provider=f"p{at}") for at in range(150)]

    await receiver.take(*records, context=context)

    counted = context.metrics.receipts.unrecognised.collect()[0].samples
    totals = {tuple(one.labels.values()): one.value for one in counted if one.name.endswith("_total")}
    assert {provider for provider, _ in totals} == {"(other)"}
    assert totals["(other)", "(other)"] == 50


@pytest.mark.parametrize(
    ("value", "reason", "fields"),
    [
        (None, "null_value", ()),
        (b"not json", "not_json", ()),
        (b"[1]", "not_json", ()),
        (b'{"provider": "book"}', "invalid_schema", ("status", "occurred_at")),
        (b'{"13800000001": 1}', "invalid_schema", ("provider", "status", "occurred_at", "(unknown)")),
        (b" " * 70_000, "too_large", ()),
    ],
)
async def test_a_record_that_is_no_receipt_becomes_a_dead_letter(
    value: bytes | None, reason: str, fields: tuple[str, ...]
) -> None:
    receiver = await a_receiver()

    await receiver.take(receiver.raw(value), receiver.record())

    (dead,) = receiver.world.bus.dead_letters
    assert (dead.origin, dead.reason, tuple(dead.request.fields)) == (f"{TOPICS.receipts}/0/0", reason, fields)
    assert receiver.published() == 1
    assert receiver.committed == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"delivery_id": None}, "invalid_schema"),
        ({"schema_version": 2}, "unsupported_version"),
        ({"schema_version": 2, "more": 1}, "unsupported_version"),
        ({"delivery_id": "log_x"}, "invalid_schema"),
        ({"code": "told in words"}, "invalid_schema"),
    ],
)
async def test_a_receipt_with_wrong_fields_becomes_a_dead_letter(fields: dict[str, Any], reason: str) -> None:
    receiver = await a_receiver()

    await receiver.take(receiver.record(**fields))

    assert [dead.reason for dead in receiver.world.bus.dead_letters] == [reason]
    assert receiver.committed == 1


async def test_a_dead_letter_of_a_receipt_can_be_replayed() -> None:
    receiver = await a_receiver()
    await receiver.take(receiver.record(schema_version=2))
    (dead,) = receiver.world.bus.dead_letters
    entry = DeadLetterEntry(0, 7, START, dead.origin, dead.reason, dead.key, dead.sealed, len(dead.sealed))
    opened = open_dead_letter(receiver.world.sealer, dead.sealed)

    check_replayable(entry, opened, TOPICS, force=False)

    assert opened.value is not None
    await receiver.take(receiver.raw(opened.value.replace(b'"schema_version": 2', b'"schema_version": 1')))
    assert receiver.published() == 1


async def test_beyond_the_limit_receipts_are_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_receipts, "MAX_KEPT", 1)
    receiver = Receiver(World())
    await receiver.take(receiver.record())
    context = awake(receiver.world.context())

    await receiver.take(receiver.record(), receiver.record(), context=context)

    assert await receiver.world.ledger.receipts.count() == 1
    assert receiver.committed == 3
    labels = {"provider": "book", "status": "delivered", "class": ""}
    assert metric(context, "rollcall_receipts_total", **labels, result="unmatched") == 2


async def test_the_receipts_of_tenants_leave_room_for_those_of_the_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keep_receipts, "MAX_KEPT_WITH_TENANTS", 1)
    receiver = Receiver(World())
    own = {"provider": "prv_1", "tenant_id": "t1"}
    await receiver.take(receiver.record(**own))

    await receiver.take(receiver.record(**own), receiver.record())

    assert await receiver.world.ledger.receipts.count() == 2
    assert receiver.committed == 3


async def test_a_kept_receipt_whose_sealing_key_is_missing_here_waits_for_another_consumer() -> None:
    world = World()
    receiver = Receiver(world)
    await receiver.take(receiver.record())
    await world.expand(world.record(TO))
    await world.settle()
    keyless = replace(awake(world.context()), sealer=type(world.sealer)([("k2", bytes(32))]))

    await receiver.sweep(keyless)
    assert receiver.events() == []
    world.pass_time(SOON_SECONDS * 10)
    await receiver.sweep()

    assert receiver.published() == 1
