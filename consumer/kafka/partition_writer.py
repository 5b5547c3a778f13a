"""Writing to one partition: what comes while a batch is under way goes together into the next.

aiokafka's `send_batch` waits for the partition's batch before it, and of many that wait together most time out
(0.14: `add_batch` subtracts the same waiting again in each round). Here one task a partition sends, and nobody else.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from consumer.events import Event
from consumer.kafka.bus import BusUnavailable

Answered = Callable[[Awaitable[Any]], Awaitable[Any]]


class PartitionWriter:
    """The one sender of a partition."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        partition: int,
        handed_over: Answered,
        acknowledged: Answered,
    ) -> None:
        """Both bound a wait, that for room and that for the acknowledgement, and raise BusUnavailable."""
        self._producer, self._topic, self._partition = producer, topic, partition
        self._handed_over, self._acknowledged = handed_over, acknowledged
        self._waiting: deque[tuple[Any, asyncio.Future[None]]] = deque()
        self._sender: asyncio.Task[None] | None = None

    async def write(self, key: bytes, events: Sequence[Event], timestamp_ms: int) -> None:
        """Write events, and return when all are acknowledged; raises BusUnavailable."""
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
        acknowledged.add_done_callback(lambda future: future.exception())  # its writers may be gone
        self._waiting.append((self._producer.create_batch(), acknowledged))
        return self._waiting[-1]

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, acknowledged = self._waiting.popleft()
                try:
                    future = await self._handed_over(
                        self._producer.send_batch(batch, self._topic, partition=self._partition),
                    )
                    await self._acknowledged(future)
                except BusUnavailable as error:
                    acknowledged.set_exception(error)
                except Exception as error:  # noqa: BLE001  # its writers must not wait for ever, whatever it is
                    acknowledged.set_exception(BusUnavailable(f"publishing failed: {type(error).__name__}"))
                else:
                    acknowledged.set_result(None)
        finally:
            self._sender = None
