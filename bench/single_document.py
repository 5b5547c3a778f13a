"""Small requests by hand: the product's MongoDB statements and Kafka records in direct code, without the product.

It takes all records that have arrived as one batch, and writes each of the four documents of its requests with one
command for the batch. It does no validation, no address checks, no sealing, no provider calls, no retries and no
metrics. A crash of it may lose or repeat a delivery.
"""

import gc
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

os.environ.setdefault("MOTOR_MAX_WORKERS", "32")  # as in the product, and read when Motor is imported

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo.write_concern import WriteConcern

from bench.batches import BatchPublisher, Headers
from bench.small_documents import Document, SmallRequest, read

BATCH = 200
"""Maximum number of requests in a batch. The product groups as many writes at most."""
_BATCH_BYTES = 512 * 1024
_IDLE_MS = 50
"""Time without records after which the last batch is noted as announced, in milliseconds."""

Batch = Sequence[tuple[int, SmallRequest]]
"""Requests, each with the partition of its events."""


class SingleDocument:
    """Process of this side."""

    def __init__(self, bootstrap: str, prefix: str, mongo_url: str, database: str) -> None:
        self._mongo: AsyncIOMotorClient[Document] = AsyncIOMotorClient(mongo_url, tz_aware=True, retryWrites=True)
        stored = self._mongo.get_database(
            database,
            codec_options=CodecOptions(tz_aware=True),
            write_concern=WriteConcern(w="majority", j=True),
        )
        self._requests, self._logs = stored["requests"], stored["communication_logs"]
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", compression_type="lz4", max_batch_size=_BATCH_BYTES
        )
        self._events = BatchPublisher(self._producer, f"{prefix}.results")
        topic = f"{prefix}.bulk.requests.express"
        self._intake = AIOKafkaConsumer(
            topic,
            group_id=f"{prefix}.by-hand",
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        self._owners = 0
        self._unannounced: list[Document] = []

    async def start(self) -> None:
        """Connect and subscribe."""
        await self._mongo.admin.command("ping")
        for client in (self._producer, self._intake):
            await client.start()

    async def aclose(self) -> None:
        """Disconnect."""
        for client in (self._intake, self._producer):
            await client.stop()
        self._mongo.close()

    async def work(self) -> None:
        """Read records until cancelled."""
        while True:
            taken = await self._intake.getmany(timeout_ms=_IDLE_MS, max_records=BATCH)
            records = [record for each in taken.values() for record in each]
            if not records:
                await self._update([])
                continue
            batch = [(await self._events.partition(record.key), self._read(record)) for record in records]
            await self._accept(batch)
            await self._intake.commit()
            await self._deliver(batch)
            await self._complete(batch)

    def _read(self, record: Any) -> SmallRequest:
        self._owners += 1
        owner = f"by-hand-{os.getpid():08d}.{self._owners}"
        return read(record.key, record.value, (record.topic, record.partition), owner)

    async def _accept(self, batch: Batch) -> None:
        await self._update([request.creation() for _, request in batch])
        time = _text(_now())
        await self._publish(batch, [request.accepted(time) for _, request in batch])

    async def _deliver(self, batch: Batch) -> None:
        now = _now()
        await _run(self._logs, "insert", "documents", [request.log(now) for _, request in batch])
        await self._publish(batch, [request.sent(_text(now)) for _, request in batch])

    async def _complete(self, batch: Batch) -> None:
        now = _now()
        await self._update([request.close(now) for _, request in batch])
        await self._publish(batch, [request.completed(_text(now)) for _, request in batch])
        self._unannounced = [request.announcement() for _, request in batch]

    async def _publish(self, batch: Batch, events: Sequence[tuple[bytes, Headers]]) -> None:
        await self._events.publish(
            (partition, request.name, value, headers)
            for (partition, request), (value, headers) in zip(batch, events, strict=True)
        )

    async def _update(self, statements: list[Document]) -> None:
        """Run statements together with those that note the announcements of the last batch."""
        announced, self._unannounced = self._unannounced, []
        if statements or announced:
            await _run(self._requests, "update", "updates", [*statements, *announced])


async def _run(collection: AsyncIOMotorCollection[Document], command: str, field: str, entries: list[Document]) -> None:
    """Write with the command itself, as the product does. Raise RuntimeError if an entry was not written."""
    reply = await collection.database.command(
        {
            command: collection.name,
            field: entries,
            "ordered": False,
            "writeConcern": collection.write_concern.document,
        }
    )
    if reply["n"] != len(entries) or "writeErrors" in reply or "writeConcernError" in reply:
        raise RuntimeError(f"{command} of {len(entries)}: {reply}")


def _now() -> datetime:
    return datetime.now(UTC)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


async def run(side: SingleDocument, ready: str) -> None:
    """Run until cancelled. Print `ready` after the start."""
    await side.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)  # as in the product
    print(ready, flush=True)
    try:
        await side.work()
    finally:
        await side.aclose()
