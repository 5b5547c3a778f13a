"""Ceiling of the benchmark: the product's Kafka records and MongoDB commands in direct code, without the product.

It reads the same intake records, but the documents that it writes are rendered beforehand (bench/documents.py). So it
shows the cost of Kafka, MongoDB, their drivers and the protocol of writes. It processes eight chunks at a time, as the
product does.
"""

import asyncio
import gc
from collections import deque
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from bench.commands import Commands
from bench.documents import ChunkReady, Headers, PartReady, RequestReady

SLOTS = 8
_BATCH_BYTES = 512 * 1024

Event = tuple[bytes, Headers]


class Ceiling:
    """Process of the ceiling."""

    def __init__(self, bootstrap: str, prefix: str, commands: Commands, requests: Sequence[RequestReady]) -> None:
        self._prefix, self._commands, self._slots = prefix, commands, asyncio.Semaphore(SLOTS)
        self._requests = {request.id.encode(): request for request in requests}
        self._parts = {request.id: iter(request.parts) for request in requests}
        self._chunks = {c.id.encode(): (r, c) for r in requests for p in r.parts for c in p.chunks}
        self._writers: dict[bytes, Writer] = {}
        self._owners = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            compression_type="lz4",
            max_batch_size=_BATCH_BYTES,
        )
        reading: dict[str, Any] = {
            "bootstrap_servers": bootstrap,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
        }
        self._intake = AIOKafkaConsumer(f"{prefix}.bulk.requests", group_id=f"{prefix}.expand", **reading)
        self._wakes = AIOKafkaConsumer(f"{prefix}.chunks", group_id=f"{prefix}.deliver", **reading)

    async def start(self) -> None:
        """Connect and subscribe."""
        await self._commands.ping()
        for client in (self._producer, self._intake, self._wakes):
            await client.start()

    async def aclose(self) -> None:
        """Disconnect."""
        for client in (self._intake, self._wakes, self._producer):
            await client.stop()
        self._commands.close()

    async def expand(self) -> None:
        """Read intake records until cancelled."""
        async for record in self._intake:
            request = self._requests[record.key]
            await self._expand(request, next(self._parts[request.id]))
            await self._intake.commit()

    async def _expand(self, request: RequestReady, part: PartReady) -> None:
        commands = self._commands
        await commands.begin(request, part)
        for chunk in part.chunks:
            if part.number > 0:
                await commands.duplicates(request, part, chunk)
            await commands.insert_chunk(chunk)
            if chunk is not part.chunks[-1]:
                await commands.marks(request)
                await self._wake(chunk)
        await self._writer(request).write([part.accepted])
        await commands.count(request, part)
        await self._wake(part.chunks[-1])

    async def _wake(self, chunk: ChunkReady) -> None:
        await self._producer.send_and_wait(f"{self._prefix}.chunks", chunk.wake, key=chunk.id.encode())

    async def deliver(self) -> None:
        """Read wake-up messages until cancelled."""
        async for record in self._wakes:
            request, chunk = self._chunks[record.key]
            await self._slots.acquire()
            self._owners += 1
            owner = f"ceiling-{'x' * 24}.{self._owners}"
            fence = await self._commands.claim(chunk, owner)
            if fence is None:
                self._slots.release()
            else:
                task = asyncio.create_task(self._deliver(request, chunk, owner, fence))
                self._tasks.add(task)
                task.add_done_callback(self._done)
            await self._wakes.commit()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()
        task.result()

    async def _deliver(self, request: RequestReady, chunk: ChunkReady, owner: str, fence: int) -> None:
        commands, writer = self._commands, self._writer(request)
        publishing = []
        for window in chunk.windows:
            await commands.insert_logs(window.logs)
            publishing.append(asyncio.create_task(writer.write(window.events)))
            if window.advance:
                await commands.advance(chunk, owner, fence, window.advance)
        await asyncio.gather(*publishing)
        await commands.close_chunk(chunk, owner, fence)
        await self._ask(request)

    async def _ask(self, request: RequestReady) -> None:
        commands = self._commands
        if not await commands.all_counted(request) or await commands.any_open(request):
            return
        if await commands.complete(request):
            await self._writer(request).write([request.completed])
            await commands.announced(request)

    def _writer(self, request: RequestReady) -> "Writer":
        key = request.id.encode()
        if key not in self._writers:
            self._writers[key] = Writer(self._producer, f"{self._prefix}.results", key)
        return self._writers[key]


class Writer:
    """Writer of the result events of one key. Events that arrive during a batch go together into the next one."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, key: bytes) -> None:
        self._producer, self._topic, self._key = producer, topic, key
        self._waiting: deque[tuple[Event, asyncio.Future[None] | None]] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def write(self, events: list[Event]) -> None:
        """Write the events, and return when all are acknowledged."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.extend((event, None) for event in events[:-1])
        self._waiting.append((events[-1], done))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        await done

    async def _send(self) -> None:
        partitions = sorted(await self._producer.partitions_for(self._topic))
        partition = DefaultPartitioner()(self._key, partitions, partitions)
        while self._waiting:
            batch, acknowledged = self._producer.create_batch(), []
            while self._waiting:
                (value, headers), done = self._waiting[0]
                if batch.append(timestamp=None, key=self._key, value=value, headers=headers) is None:
                    break
                self._waiting.popleft()
                if done:
                    acknowledged.append(done)
            await (await self._producer.send_batch(batch, self._topic, partition=partition))
            for done in acknowledged:
                done.set_result(None)
        self._sending = None


async def run(ceiling: Ceiling, ready: str) -> None:
    """Run until cancelled. Print `ready` after the start."""
    await ceiling.start()
    gc.collect()
    gc.freeze()  # the prepared documents do not belong to the measured time
    gc.set_threshold(10_000, 20, 50)  # as in the product
    print(ready, flush=True)
    try:
        await asyncio.gather(ceiling.expand(), ceiling.deliver())
    finally:
        await ceiling.aclose()
