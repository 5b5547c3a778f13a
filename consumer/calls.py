"""Wake-up calls on their way from Kafka to a slot: a queue for each channel of a lane.

One partition carries the calls of all channels. A call that waits for a slot of a channel whose provider is slow must
not keep the next one, which is another channel's, in Kafka.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from consumer.deliver import Claimer, deliver
from consumer.intake import Incoming
from consumer.offsets import Offsets
from consumer.slots import Kind, Slots
from consumer.tools import Tools, log, where
from core.ids import ChunkId
from schemas.results import ChunkPointer
from schemas.statuses import Lane

MOST_WAITING = 10_000
"""How many calls of a channel wait here at most; beyond that its lane waits, and the records stay in Kafka."""

Commit = Callable[[int], Awaitable[None]]
"""Commit the partition of a record, to be read from this offset on if it is read again. Raises nothing."""


@dataclass(frozen=True, slots=True)
class Call:
    """A wake-up call that waits."""

    chunk: ChunkId
    offset: int
    offsets: Offsets
    commit: Commit

    async def ended(self) -> None:
        """It is dealt with: commit what need not be read again."""
        if (until := self.offsets.ended(self.offset)) is not None:
            await self.commit(until)


class Calls:
    """Claims what wake-up calls name, each in a slot of its lane and channel; its offset is committed after that."""

    def __init__(self, claimer: Claimer, slots: Mapping[Kind, Slots], tools: Tools) -> None:
        self._claimer, self._slots, self._tools = claimer, slots, tools
        self._waiting: dict[Kind, asyncio.Queue[Call]] = {kind: asyncio.Queue(MOST_WAITING) for kind in slots}
        self._partitions: dict[tuple[str, int], Offsets] = {}

    async def run(self) -> None:
        """Serve until the process stops; what waits then is left in Kafka."""
        await asyncio.gather(*(self._serve(kind) for kind in self._slots))

    async def take(self, lane: Lane, record: Incoming, commit: Commit) -> None:
        """Let a record wait for its turn; returns at once, unless there are too many of its channel."""
        offsets = self._offsets_of(record)
        offsets.begun(record.offset)
        try:
            pointer = ChunkPointer.model_validate_json(record.value or b"")
        except ValidationError:
            # The chunk it meant is found by the sweeper.
            log.warning("a wake-up call that cannot be read", origin=record.origin)
            await Call(ChunkId(""), record.offset, offsets, commit).ended()
            return
        call = Call(ChunkId(pointer.chunk_id), record.offset, offsets, commit)
        await self._waiting[lane, pointer.channel].put(call)

    def _offsets_of(self, record: Incoming) -> Offsets:
        """The partition's; new ones where it was dealt out anew: what is read again takes the place of what waited."""
        place = record.topic, record.partition
        known = self._partitions.get(place)
        if known and record.offset >= known.next:
            return known
        if known:
            known.current = False
        self._partitions[place] = Offsets(record.offset)
        return self._partitions[place]

    async def _serve(self, kind: Kind) -> None:
        slots, waiting = self._slots[kind], self._waiting[kind]
        while True:
            call = await waiting.get()
            if not call.offsets.current:
                continue
            await slots.wait()
            if self._tools.stopping.is_set():
                slots.give_back()
                return
            # Whoever is cancelled here must not have claimed what nobody works on.
            await asyncio.shield(asyncio.create_task(self._claim(call, slots)))

    async def _claim(self, call: Call, slots: Slots) -> None:
        """Claim a chunk and start on it in the slot taken."""
        try:
            taken = await slots.use_for(self._claimer.chunk(call.chunk))
        except Exception as error:  # noqa: BLE001  # one document that cannot be read must not end all serving
            log.error("claiming failed", error=type(error).__name__, where=where(error))
            taken = None
        if taken is not None:
            slots.start(deliver(taken, self._tools))
        await call.ended()
