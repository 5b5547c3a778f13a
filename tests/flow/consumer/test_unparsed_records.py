"""Bytes of a record that cannot be parsed are kept before its offset is committed, and readiness names it."""

import asyncio
from dataclasses import replace

import pytest

from consumer.context import ConsumerContext
from consumer.deliver.claim_chunks import Claimer
from consumer.deliver.wake_up_queue import WakeUpQueue
from consumer.expand.expansion_queue import ExpansionQueue
from consumer.flow_control.slots import build_slots
from consumer.kafka.bus import DeadLetter
from consumer.kafka.memory_bus import MemoryBus
from consumer.kafka.offset_tracker import OffsetTracker
from ledger.dead_letter_format import open_record
from schemas.statuses import Lane
from tests.flow.world import TOPICS, World
from tests.support.polling import wait_until

RAW, PROBLEM = b"\xff\xfe raw", "has a header name that is not UTF-8"


class SlowBus(MemoryBus):
    """A bus that takes dead letters only when the test lets it."""

    def __init__(self) -> None:
        super().__init__(TOPICS.results)
        self.open = asyncio.Event()

    async def publish_dead_letter(self, dead_letter: DeadLetter) -> None:
        await self.open.wait()
        await super().publish_dead_letter(dead_letter)


async def submit(kind: str, world: World, context: ConsumerContext, committed: list[int]) -> str:
    """Give an unparsed record to the intake or to the wake-up messages. Return its origin."""
    record = replace(world.raw(RAW), key=None, unparsed=PROBLEM)
    offsets = OffsetTracker(context.stopping, context.sleep)

    async def commit(until: int) -> bool:
        committed.append(until)
        return True

    tracked = offsets.start(record, commit)
    if kind == "intake":
        await ExpansionQueue("cluster", context).submit(record, tracked)
    else:
        await WakeUpQueue(Claimer(context), build_slots(1, 1), context).enqueue(Lane.BULK, record, tracked)
    return record.origin


@pytest.mark.parametrize("kind", ["intake", "wake-up messages"])
async def test_the_raw_bytes_are_kept_before_the_offset_is_committed(kind: str) -> None:
    world, committed = World(), list[int]()
    world.bus = SlowBus()
    context = world.context()
    submitting = asyncio.create_task(submit(kind, world, context, committed))
    await wait_until(lambda: context.readiness._unparsed)

    context.readiness.groups_joined()
    assert context.readiness.problems()["subscriptions"] == f"{TOPICS.requests}/0/0 {PROBLEM}"
    assert not committed

    world.bus.open.set()
    await wait_until(lambda: committed == [1])
    assert context.readiness.problems()["subscriptions"] is None
    (letter,) = world.bus.dead_letters
    assert (letter.origin, letter.reason) == (await submitting, "unreadable")
    opened = open_record(world.sealer, letter.sealed)
    assert (opened.value, opened.unparsed) == (RAW, PROBLEM)
    assert not world.bus.events
