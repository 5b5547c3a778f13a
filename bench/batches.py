"""Publication of many records at once. One batch for each partition costs less time than a call for each record."""

from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

Headers = list[tuple[str, bytes]]


class BatchPublisher:
    """Publisher of one topic, which chooses partitions by key as any client of Kafka does."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self._partition = DefaultPartitioner()
        self._partitions: list[int] = []

    async def partition(self, key: bytes) -> int:
        """Return the partition of a key."""
        if not self._partitions:
            self._partitions = sorted(await self._producer.partitions_for(self._topic))
        return int(self._partition(key, self._partitions, self._partitions))

    async def publish(self, records: Iterable[tuple[int, bytes, bytes, Headers]]) -> None:
        """Publish records of (partition, key, value, headers). Return when all are acknowledged.

        Raise KafkaError if a batch cannot be written.
        """
        batches: dict[int, Any] = {}
        full: list[tuple[int, Any]] = []
        for partition, key, value, headers in records:
            batch = batches.get(partition)
            if batch is None or batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                if batch is not None:
                    full.append((partition, batch))
                batches[partition] = batch = self._producer.create_batch()
                batch.append(timestamp=None, key=key, value=value, headers=headers)
        sent = [
            await self._producer.send_batch(batch, self._topic, partition=partition)
            for partition, batch in (*full, *batches.items())
        ]
        for acknowledged in sent:
            await acknowledged
