"""Consumer that returns the records that are there together, because the way to a handler costs as much for each."""

import contextlib

from aiokafka import ConsumerRecord, TopicPartition
from typing_extensions import override

from consumer.fetch.tolerant_consumer import TolerantConsumer

MAX_BATCH_RECORDS = 16
"""Maximum number of records that are returned together."""
MAX_BATCH_BYTES = 16 * 1024
"""Size at which a batch ends, in bytes. So it has one larger record at most, which is the last one."""


class BatchConsumer(TolerantConsumer):
    """Consumer of a batch subscriber of FastStream, which calls `getmany`."""

    @override
    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Wait for a record, without a time-out. Return it with those that were fetched already.

        Nothing waits after the first record was read, so that no rebalance and no error can come between.
        """
        del timeout_ms, max_records
        record: ConsumerRecord | None = await self.getone(*partitions)
        batch: dict[TopicPartition, list[ConsumerRecord]] = {}
        number = size = 0
        while record is not None:
            batch.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
            number += 1
            size += _size_of(record)
            goes_on = number < MAX_BATCH_RECORDS and size < MAX_BATCH_BYTES
            record = await self._next_fetched(*partitions) if goes_on else None
        return batch

    async def _next_fetched(self, *partitions: TopicPartition) -> ConsumerRecord | None:
        """Return a record that was fetched already, or None.

        After an error, aiokafka fetches from the same position again. `getone` then raises the error, so that the
        records before it are not lost.
        """
        if self._subscription.reassignment_in_progress:  # aiokafka would wait for its end
            return None
        with contextlib.suppress(Exception):
            for records in (await super().getmany(*partitions, max_records=1)).values():
                return records[0]
        return None


def _size_of(record: ConsumerRecord) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
