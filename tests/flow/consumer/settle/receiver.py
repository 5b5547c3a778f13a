"""Receipt records, and a consumer that takes them from a partition whose committed offset can be seen."""

import asyncio
import json
from datetime import timedelta
from itertools import count
from typing import Any

from consumer.context import ConsumerContext
from consumer.kafka.offset_tracker import OffsetTracker
from consumer.kafka.record import KafkaRecord
from consumer.settle.receipt_queue import ReceiptQueue
from consumer.sweep.kept_receipts import KeptReceiptRetries
from core.ids import log_id, receipt_event_id, request_key
from ledger.models import Log
from ledger.sealing import Sealer
from tests.flow.world import START, TOPICS, World, awake

TO = "13800000001"
TOLD_AT = START + timedelta(minutes=1)


def an_id(index: int = 0, request_id: str = "r1", tenant_id: str = "t1") -> str:
    return log_id(request_key(tenant_id, request_id), 0, index)


def hash_of(sealer: Sealer, to: str) -> str:
    """Return the hash of a recipient as the producer writes it into a receipt."""
    return f"k1:{sealer.hash(to.encode(), 'k1').hex()}"


class Receiver:
    """Partition 0 of the receipts topic. `committed` is the offset that the group would read next."""

    def __init__(self, world: World) -> None:
        self.world, self.committed = world, 0
        self._offsets = count()

    def record(self, status: str = "delivered", **fields: Any) -> KafkaRecord:
        """Return the next record: a receipt of the provider `book` for the first delivery, unless fields say other."""
        body = {
            "provider": "book",
            "delivery_id": an_id(),
            "status": status,
            "occurred_at": TOLD_AT.isoformat(),
            **fields,
        }
        return self.raw(json.dumps({name: value for name, value in body.items() if value is not None}).encode())

    def raw(self, value: bytes | None) -> KafkaRecord:
        return KafkaRecord(TOPICS.receipts, 0, next(self._offsets), 1_000, b"key", value, ())

    async def take(self, *records: KafkaRecord, context: ConsumerContext | None = None) -> None:
        """Let a consumer take records as one batch, until nothing is left to do for them."""
        context = context or awake(self.world.context())
        tracker, queue = OffsetTracker(context.stopping, context.sleep), ReceiptQueue(context)

        async def commit(until: int) -> bool:
            self.committed = until
            return True

        tracked = [tracker.start(record, commit) for record in records]
        for record, each in zip(records, tracked, strict=True):
            await queue.submit(record, each)
        while queue._tasks:
            await asyncio.wait(queue._tasks)
        await tracker.drain(5)

    async def sweep(self, context: ConsumerContext | None = None) -> None:
        """Let a consumer try again what is due."""
        retries = KeptReceiptRetries(context or awake(self.world.context()))
        await retries.start_round()
        if retries.running:
            await retries.running

    async def log(self, index: int = 0) -> Log:
        return {log.id: log for log in await self.world.logs()}[an_id(index)]

    def events(self, topic: str = TOPICS.results) -> list[dict[str, Any]]:
        """The receipt events that a reader keeps."""
        return [event for event in self.world.events("delivery.", topic) if "outcome" in event]

    def published(self, index: int = 0, topic: str = TOPICS.results) -> int:
        """How often the receipt event of a delivery was published."""
        return sum(event.id == receipt_event_id(an_id(index)) for _, event in self.world.bus.events[topic])


async def a_receiver(*recipients: object, world: World | None = None, **request: Any) -> Receiver:
    """Return the receiver of a world in which a request was sent, to one recipient unless more are given."""
    world = world or World()
    await world.expand(world.record(*(recipients or (TO,)), **request))
    await world.settle()
    return Receiver(world)
