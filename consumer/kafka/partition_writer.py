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
        self._waiting: deque[tuple[Any, asyncio.Future[None]]] = deque()
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
        used: list[asyncio.Future[None]] = []
        batch, acknowledged = self._waiting[-1] if self._waiting and not alone else self._open_batch()
        for event in events:
            headers = event.headers()
            if batch.append(timestamp=timestamp_ms, key=key, value=event.body, headers=headers) is None:
                batch, acknowledged = self._open_batch()
                batch.append(timestamp=timestamp_ms, key=key, value=event.body, headers=headers)
            if not used or used[-1] is not acknowledged:
                used.append(acknowledged)
        if alone:
            batch.close()
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
        for acknowledged in used:
            await asyncio.shield(acknowledged)

    def _open_batch(self) -> tuple[Any, asyncio.Future[None]]:
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        acknowledged.add_done_callback(lambda future: future.exception())  # its callers may have been cancelled
        self._waiting.append((self._producer.create_batch(), acknowledged))
        return self._waiting[-1]

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, acknowledged = self._waiting.popleft()
                try:
                    future = await self._enqueue(
                        self._producer.send_batch(batch, self._topic, partition=self._partition),
                    )
                    await self._await_acknowledgement(future)
                except BusUnavailable as error:
                    acknowledged.set_exception(error)
                except Exception as error:  # noqa: BLE001  # the callers must not wait for ever
                    acknowledged.set_exception(BusUnavailable(f"publishing failed: {type(error).__name__}"))
                else:
                    acknowledged.set_result(None)
        finally:
            self._sender = None
