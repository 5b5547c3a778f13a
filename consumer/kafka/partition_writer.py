"""Writer to one partition. Events that arrive while a batch is sent go together into the next batch.

aiokafka's `send_batch` waits until the previous batch of the partition is sent. If many calls wait, most of them time
out (0.14: `add_batch` subtracts the same wait again in each round). Here one task per partition sends all batches.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from consumer.events import MAX_EVENT_BYTES, Event
from consumer.kafka.bus import BusRejected, BusUnavailable, TooLargeForTopic

BoundedCall = Callable[[Awaitable[Any]], Awaitable[Any]]


_Acknowledgement = asyncio.Future[BusUnavailable | None]
"""Answer to a batch for one caller, which may be cancelled alone: None, or the error to raise."""
_Callers = list[_Acknowledgement]


class PartitionWriter:
    """The only sender of a partition."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        partition: int,
        enqueue: BoundedCall,
        await_acknowledgement: BoundedCall,
    ) -> None:
        """Create a writer. Both functions limit the time of a call and raise BusUnavailable."""
        self._producer, self._topic, self._partition = producer, topic, partition
        self._enqueue, self._await_acknowledgement = enqueue, await_acknowledgement
        self._waiting: deque[tuple[Any, _Callers]] = deque()
        self._sender: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Return whether nothing waits or is being sent."""
        return self._sender is None and not self._waiting

    async def write(self, key: bytes, events: Sequence[Event], timestamp_ms: int) -> None:
        """Write events. Return when Kafka has acknowledged all of them, or raise BusUnavailable.

        If a batch is too large for the topic, write the events in halves, down to single events.
        """
        try:
            await self._write(key, events, timestamp_ms)
        except TooLargeForTopic:
            if too_large := await self._write_in_halves(key, events, timestamp_ms):
                raise TooLargeForTopic("Kafka takes none of the large events", too_large) from None

    async def _write_in_halves(self, key: bytes, events: Sequence[Event], timestamp_ms: int) -> list[Event]:
        """Write events in batches without those of other callers. Return the large events that the topic refuses.

        Raise BusRejected if it refuses an event of ordinary size. It then takes no events, and the rest is not tried.
        """
        middle = (len(events) + 1) // 2
        too_large: list[Event] = []
        for half in (events[:middle], events[middle:]):
            if not half:
                continue
            try:
                await self._write(key, half, timestamp_ms, alone=True)
            except TooLargeForTopic as error:
                if len(half) > 1:
                    too_large += await self._write_in_halves(key, half, timestamp_ms)
                elif len(half[0].body) <= MAX_EVENT_BYTES:
                    raise BusRejected(str(error)) from None
                else:
                    too_large += half
        return too_large

    async def _write(self, key: bytes, events: Sequence[Event], timestamp_ms: int, *, alone: bool = False) -> None:
        batch, callers = self._waiting[-1] if self._waiting and not alone else self._open_batch()
        used: list[_Acknowledgement] = []
        for event in events:
            headers = event.headers()
            if batch.append(timestamp=timestamp_ms, key=key, value=event.body, headers=headers) is None:
                batch, callers = self._open_batch()
                batch.append(timestamp=timestamp_ms, key=key, value=event.body, headers=headers)
            if not used or not callers or callers[-1] is not used[-1]:
                used.append(asyncio.get_running_loop().create_future())
                callers.append(used[-1])
        if alone:
            batch.close()
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
        for acknowledged in used:
            if error := await acknowledged:
                raise type(error)(*error.args)  # each caller gets an object of its own, which its traceback changes

    def _open_batch(self) -> tuple[Any, _Callers]:
        self._waiting.append((self._producer.create_batch(), []))
        return self._waiting[-1]

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, callers = self._waiting.popleft()
                failure: BusUnavailable | None = None
                try:
                    future = await self._enqueue(
                        self._producer.send_batch(batch, self._topic, partition=self._partition),
                    )
                    await self._await_acknowledgement(future)
                except BusUnavailable as error:
                    failure = error
                except Exception as error:  # noqa: BLE001  # the callers must not wait for ever
                    failure = BusUnavailable(f"publishing failed: {type(error).__name__}")
                for acknowledged in callers:
                    if not acknowledged.done():  # its caller was cancelled
                        acknowledged.set_result(failure)
        finally:
            self._sender = None
