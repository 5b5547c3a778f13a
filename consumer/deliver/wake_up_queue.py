"""Wake-up calls on their way from Kafka to a slot: a queue for each channel of a lane.

One partition carries the calls of all channels. A call that waits for a slot of a channel whose provider is slow must
not keep the next one, which is another channel's, in Kafka.
"""

import asyncio
from collections.abc import Mapping

from pydantic import ValidationError

from consumer.context import ConsumerContext
from consumer.deliver.claim import Claimer
from consumer.deliver.deliver import deliver
from consumer.flow_control.slots import SlotKey, WorkerSlots
from consumer.kafka.offset_tracker import CommitOffset, OffsetTracker, TrackedRecord
from consumer.kafka.record import KafkaRecord
from consumer.logger import error_location, logger
from core.ids import ChunkId
from schemas.results import ChunkPointer
from schemas.statuses import Lane

MAX_QUEUED_WAKE_UPS = 10_000
"""How many calls of a channel wait here at most; beyond that its lane waits, and the records stay in Kafka."""

QueuedWakeUp = tuple[ChunkId, TrackedRecord]


class WakeUpQueue:
    """Claims what wake-up calls name, each in a slot of its lane and channel; its offset is committed after that."""

    def __init__(
        self, claimer: Claimer, slots: Mapping[SlotKey, WorkerSlots], reading: OffsetTracker, context: ConsumerContext
    ) -> None:
        self._claimer, self._slots, self._reading, self._context = claimer, slots, reading, context
        self._waiting: dict[SlotKey, asyncio.Queue[QueuedWakeUp]] = {
            kind: asyncio.Queue(MAX_QUEUED_WAKE_UPS) for kind in slots
        }

    async def run(self) -> None:
        """Serve until the process stops; what waits then is left in Kafka."""
        await asyncio.gather(*(self._serve(kind) for kind in self._slots))

    async def enqueue(self, lane: Lane, record: KafkaRecord, commit: CommitOffset) -> None:
        """Let a record wait for its turn; returns at once, unless there are too many of its channel."""
        read = self._reading.start(record, commit)
        try:
            pointer = ChunkPointer.model_validate_json(record.value or b"")
        except ValidationError:
            # The chunk it meant is found by the sweeper.
            logger.warning("a wake-up call that cannot be read", origin=record.origin)
            read.mark_done()
            return
        await self._waiting[lane, pointer.channel].put((ChunkId(pointer.chunk_id), read))

    async def _serve(self, kind: SlotKey) -> None:
        slots, waiting = self._slots[kind], self._waiting[kind]
        while True:
            chunk, read = await waiting.get()
            if not read.is_current:
                continue
            await slots.acquire()
            if self._context.stopping.is_set():
                slots.release()
                return
            # Claimed in the slot, not here: a claim waits for MongoDB's journal, and one at a time would be some tens
            # a second. Whoever serves may be cancelled; the slots' own end is waited for.
            slots.start(self._claim(kind, chunk, read))

    async def _claim(self, kind: SlotKey, chunk: ChunkId, read: TrackedRecord) -> None:
        """Claim a chunk and work on it."""
        began = self._context.monotonic()
        try:
            leased = await self._claimer.claim_chunk(chunk)
        except Exception as error:  # noqa: BLE001  # one document that cannot be read must not stay in Kafka for ever
            logger.error("claiming failed", error=type(error).__name__, where=error_location(error))
            leased = None
        read.mark_done()
        if kind[0] is Lane.EXPRESS and not self._slots[kind].full:
            self._context.lane_priority.express_claimed(began)
        if leased is not None:
            await deliver(leased, self._context)
