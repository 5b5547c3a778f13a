"""Wake-up messages that wait for a slot, in one queue for each lane and channel.

One partition carries the messages of all channels. A message that waits for a slot of a slow channel must not delay
the next message, which may belong to another channel.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from pydantic import ValidationError

from consumer.context import ConsumerContext
from consumer.dead_letters import publish_dead_letter
from consumer.deliver.claim_chunks import Claimer, ClaimOrigin, LeasedChunk
from consumer.deliver.deliver import deliver
from consumer.flow_control.slots import SlotKey, WorkerSlots
from consumer.kafka.offset_tracker import TrackedRecord
from consumer.kafka.record import KafkaRecord
from consumer.logger import error_location, logger
from core.ids import ChunkId
from ledger.claims import Claim
from schemas.results import ChunkPointer
from schemas.statuses import Lane, RejectionReason

MAX_QUEUED_WAKE_UPS = 5_000
"""Maximum number of messages that wait here, for each lane and channel. Above that the lane waits and the records
stay in Kafka."""

QueuedWakeUp = tuple[ChunkId, TrackedRecord]
OnAnswer = Callable[[LeasedChunk | None], None]
"""Function that learns the answer to a claim."""


class WakeUpQueue:
    """Claims the chunk of each wake-up message in a slot. After the claim its offset may be committed."""

    def __init__(self, claimer: Claimer, slots: Mapping[SlotKey, WorkerSlots], context: ConsumerContext) -> None:
        self._claimer, self._slots, self._context = claimer, slots, context
        self._waiting: dict[SlotKey, asyncio.Queue[QueuedWakeUp]] = {
            kind: asyncio.Queue(MAX_QUEUED_WAKE_UPS) for kind in slots
        }
        context.handover.connect(self.claim_now)

    async def run(self) -> None:
        """Process messages until the process stops. The messages that wait then stay in Kafka."""
        await asyncio.gather(*(self._run_queue(kind) for kind in self._slots))

    async def enqueue(self, lane: Lane, record: KafkaRecord, tracked: TrackedRecord) -> None:
        """Queue a record. Return at once, unless the queue of its lane and channel is full."""
        if record.unparsed:
            with self._context.readiness.stepping_over(record.origin, record.unparsed):
                await publish_dead_letter(record, RejectionReason.UNREADABLE, self._context)
            tracked.mark_done()
            return
        try:
            pointer = ChunkPointer.model_validate_json(record.value or b"")
        except ValidationError:
            # The sweeper finds the chunk that it meant.
            logger.warning("wake-up message not decoded", origin=record.origin)
            tracked.mark_done()
            return
        await self._waiting[lane, pointer.channel].put((ChunkId(pointer.chunk_id), tracked))

    async def claim_now(self, kind: SlotKey, claim: Claim, *, is_new: bool) -> bool | None:
        """Claim a chunk that this process has expanded. Return None if no slot is free, and False if the claim fails.

        After the claim the offset of its request may be committed: the lease ends if this process dies.
        """
        slots = self._slots[kind]
        if slots.full or slots.has_waiters or self._context.stopping.is_set():
            return None
        await slots.acquire()
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def on_answer(leased: LeasedChunk | None) -> None:
            if not answer.done():  # it is cancelled together with an expansion
                answer.set_result(leased is not None)

        # The claim runs in the slot's task. A stop cancels expansions, but lets the slots finish what they claimed.
        origin = ClaimOrigin.NEW if is_new else ClaimOrigin.WAKE_UP
        slots.start(self._claim(kind, partial(self._claimer.claim, claim, origin), on_answer))
        return await answer

    async def _run_queue(self, kind: SlotKey) -> None:
        slots, waiting = self._slots[kind], self._waiting[kind]
        while True:
            chunk, tracked = await waiting.get()
            if not tracked.is_current:
                continue
            await slots.acquire()
            if self._context.stopping.is_set():
                slots.release()
                return
            # The slot's task claims the chunk. A claim waits for MongoDB's journal, and claiming here, one chunk at a
            # time, would reach some tens a second. This loop may also be cancelled, but the slots are drained first.
            claim = partial(self._claimer.claim_chunk, chunk)
            slots.start(self._claim(kind, claim, partial(_mark_done, tracked)))

    async def _claim(
        self, kind: SlotKey, claim: Callable[[], Awaitable[LeasedChunk | None]], on_answer: OnAnswer
    ) -> None:
        """Claim a chunk, tell whether it is claimed, and work on it."""
        leased = None
        try:
            with self._context.lane_priority.working(kind[0]):
                leased = await claim()
        except Exception as error:  # noqa: BLE001  # An unreadable chunk must not block its offset.
            logger.error("chunk claim failed", error=type(error).__name__, location=error_location(error))
        finally:
            on_answer(leased)
        if leased is not None:
            await deliver(leased, self._context)


def _mark_done(tracked: TrackedRecord, _: LeasedChunk | None) -> None:
    """Let the offset of a wake-up message be committed. If its chunk is not claimed, another owner has it."""
    tracked.mark_done()
