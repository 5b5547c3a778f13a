"""A crash between any two steps, faults of the code, and two consumers at once."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from consumer.kafka.memory_bus import MemoryBus
from consumer.kafka.record import KafkaRecord
from consumer.settle import receipt_events, receipt_queue, settler
from consumer.settle.receipt_queue import ReceiptQueue
from consumer.sweep.kept_receipts import LEASE_SECONDS
from core.send_result import Uncertain
from ledger.models import Log
from schemas.statuses import Reason, Status
from tests.flow.consumer.settle.receiver import TO, Receiver, a_receiver, an_id
from tests.flow.world import TOPICS, RecordingProvider, Steps, World, awake

PEOPLE = [f"1380000000{at}" for at in range(3)]


async def steps_of_a_batch() -> int:
    receiver = await a_receiver(*PEOPLE)
    steps = Steps()
    await take_batch(receiver, steps)
    return len(steps.done)


async def take_batch(receiver: Receiver, steps: Steps) -> list[Any]:
    """Take a receipt for each of three people, and one for a delivery without a log."""
    records = [receiver.record(delivery_id=an_id(at)) for at in range(4)]
    await receiver.take(*records, context=awake(receiver.world.context(steps)))
    return records


@pytest.mark.parametrize("after", [False, True])
async def test_after_a_crash_at_any_step_nothing_is_lost_and_no_event_differs(*, after: bool) -> None:
    for kill_at in range(await steps_of_a_batch()):
        receiver = await a_receiver(*PEOPLE)
        steps = Steps(kill_at, after=after)
        records = await take_batch(receiver, steps)
        assert receiver.committed <= 4 * (not steps.dead)

        await receiver.take(*records[receiver.committed :])

        assert [(await receiver.log(at)).status for at in range(3)] == [Status.DELIVERED] * 3
        assert sorted(event["index"] for event in receiver.events()) == [0, 1, 2]
        assert await receiver.world.ledger.receipts.count() == 1
        assert receiver.committed == 4


@pytest.mark.parametrize("after", [False, True])
async def test_after_a_crash_of_the_sweeper_a_kept_receipt_has_the_same_event(*, after: bool) -> None:
    kill_at = 0
    while True:
        receiver = await an_early_receipt()
        steps = Steps(kill_at, after=after)
        died = await receiver.world.run_until_killed(receiver.sweep(awake(receiver.world.context(steps))))

        receiver.world.pass_time(LEASE_SECONDS + 1)
        await receiver.sweep()

        assert len(receiver.events()) == 1
        assert (await receiver.log()).status is Status.DELIVERED
        assert await receiver.world.ledger.receipts.count() == 0
        if not died:
            assert kill_at > 4
            return
        kill_at += 1


async def test_a_receipt_before_a_take_over_changes_neither_the_outcome_nor_the_completion() -> None:
    no_answer = Uncertain(Reason.NO_ANSWER, "timed out")
    for kill_at in range(50):
        world = World(RecordingProvider(answers=lambda _message, _calls: no_answer))
        await world.expand(world.record(TO, request_id="r1"))
        steps = Steps(kill_at, after=True)
        if not await world.run_until_killed(world.deliver_all(awake(world.context(steps)))):
            break
        if not await world.logs():
            continue
        receiver = Receiver(world)
        await receiver.take(receiver.record("failed"))

        await world.settle()

        (completed,) = world.events("request.completed")
        assert (completed["by_status"], completed["by_reason"]) == ({"unknown": 1}, {"no_answer": 1})
        outcomes = [event for event in world.events("delivery.") if "outcome" not in event]
        assert [(event["status"], event["reason"], event["error"]) for event in outcomes] == [
            ("unknown", "no_answer", "timed out")
        ]
        assert len(receiver.events()) == 1


async def an_early_receipt() -> Receiver:
    world = World()
    receiver = Receiver(world)
    await receiver.take(receiver.record())
    await world.expand(world.record(TO))
    await world.settle()
    return receiver


async def test_a_receipt_that_was_kept_before_a_crash_and_is_read_again_has_one_event() -> None:
    world = World()
    receiver = Receiver(world)
    record = receiver.record()
    await receiver.take(record)
    await world.expand(world.record(TO))
    await world.settle()

    await receiver.take(record)
    await receiver.sweep()

    assert len(receiver.events()) == 1
    assert await world.ledger.receipts.count() == 0


async def test_two_consumers_that_have_receipts_of_one_delivery_publish_one_event() -> None:
    for turns in range(12):
        receiver = await a_receiver()
        first, second = receiver.record("delivered"), receiver.record("failed")

        async def later(receiver: Receiver = receiver, second: Any = second, turns: int = turns) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await receiver.take(second)

        await asyncio.gather(receiver.take(first), later())

        assert receiver.published() == 1
        assert receiver.events()[0]["status"] == (await receiver.log()).status.value


async def test_two_sweepers_publish_the_event_of_a_kept_receipt_once() -> None:
    receiver = await an_early_receipt()

    await asyncio.gather(receiver.sweep(), receiver.sweep())

    assert receiver.published() == 1


async def test_a_receipt_that_the_code_fails_on_becomes_a_dead_letter_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver = await a_receiver(*PEOPLE)
    sound = settler.move_log

    def failing(log: Log, *args: Any) -> Log | None:
        return 1 // 0 if log.id == an_id(1) else sound(log, *args)  # type: ignore[return-value]

    monkeypatch.setattr(settler, "move_log", failing)

    await receiver.take(*(receiver.record(delivery_id=an_id(at)) for at in range(3)))

    assert [(dead.origin, dead.reason) for dead in receiver.world.bus.dead_letters] == [
        (f"{TOPICS.receipts}/0/1", "unprocessable")
    ]
    assert sorted(event["index"] for event in receiver.events()) == [0, 2]
    assert receiver.committed == 3


async def test_an_event_that_cannot_be_made_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = await a_receiver()
    monkeypatch.setattr(receipt_events, "receipt_event", lambda *_: 1 // 0)

    await receiver.take(receiver.record())

    assert [dead.reason for dead in receiver.world.bus.dead_letters] == ["unprocessable"]
    assert receiver.committed == 1


async def test_a_kept_receipt_that_the_code_fails_on_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver(World())
    await receiver.take(*(receiver.record(delivery_id=an_id(at)) for at in range(3)))
    await receiver.world.expand(receiver.world.record(*PEOPLE))
    await receiver.world.settle()
    sound = settler.move_log

    def failing(log: Log, *args: Any) -> Log | None:
        return 1 // 0 if log.id == an_id(1) else sound(log, *args)  # type: ignore[return-value]

    monkeypatch.setattr(settler, "move_log", failing)

    await receiver.sweep()

    assert sorted(event["index"] for event in receiver.events()) == [0, 2]
    assert await receiver.world.ledger.receipts.count() == 1


async def test_what_is_read_and_not_done_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_queue, "MAX_IN_HAND", 2)
    receiver, acknowledged = await a_receiver(*PEOPLE), asyncio.Event()

    class SlowBus(MemoryBus):
        async def publish_events(self, *_: Any) -> None:
            await acknowledged.wait()

    context = replace(awake(receiver.world.context()), bus=SlowBus())
    queue, tracked = ReceiptQueue(context), SimpleNamespace(mark_done=lambda: None, is_current=True)
    records = [receiver.record(delivery_id=an_id(at)) for at in range(3)]
    submitting = asyncio.create_task(submit_all(queue, records, tracked))
    done, _ = await asyncio.wait({submitting}, timeout=0.05)
    assert not done

    acknowledged.set()

    await asyncio.wait_for(submitting, 5)


async def submit_all(queue: ReceiptQueue, records: list[KafkaRecord], tracked: Any) -> None:
    for record in records:
        await queue.submit(record, tracked)
