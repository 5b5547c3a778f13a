"""Writer to one partition. Events that arrive while a batch is sent go together into the next batch.

aiokafka's `send_batch` waits until the previous batch of the partition is sent. If many calls wait, most of them time
out (0.14: `add_batch` subtracts the same wait again in each round). Here one task per partition sends all batches.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from consumer.events import Event
from consumer.kafka.bus import BusUnavailable

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

    async def write(self, key: bytes, events: Sequence[Event], timestamp_ms: int) -> None:
        """Write events. Return when Kafka has acknowledged all of them, or raise BusUnavailable."""
        used: list[asyncio.Future[None]] = []
        batch, acknowledged = self._waiting[-1] if self._waiting else self._open_batch()
        for event in events:
            headers = event.headers()
            if batch.append(timestamp=timestamp_ms, key=key, value=event.body, headers=headers) is None:
                used.append(acknowledged)
                batch, acknowledged = self._open_batch()
                batch.append(timestamp=timestamp_ms, key=key, value=event.body, headers=headers)
        used.append(acknowledged)
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
