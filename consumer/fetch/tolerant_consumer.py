"""Consumer that steps over what cannot be parsed, and keeps the problem of a read that fails.

The product reads with no other consumer. docs/decisions/0037-records-that-cannot-be-parsed.md has the reasons.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import ConsumerStoppedError
from typing_extensions import override

from consumer.fetch.parse_batch import RecordBatches
from consumer.logger import error_location, logger
from consumer.monitoring.readiness import READ_PROBLEM

PROBLEM_SECONDS = 30.0
"""Time that a failed read counts, in seconds. FastStream reads again after 5 s, or 15 s."""
UNREAD_SECONDS = 3_600.0
"""Time for which fetched records stop further fetches from their broker, in seconds.

By default aiokafka fetches the other partitions after 0.1 s, whatever is unread. Each partition then has a batch of up
to a record's size in memory. As it is, what is unread is bounded by `fetch_max_bytes` for each broker, or one batch.
"""


class TolerantConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """Consumer whose records have `UnparsedBytes` as their value if they cannot be parsed."""

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **options)
        self._read_error, self._failed_at = "", float("-inf")

    def read_problem(self, now: float) -> str | None:
        """Return the problem of reading records one by one, or None. `now` is in seconds since the epoch.

        A problem that lasts comes again with the next read, some seconds later. Without records, no read ends.
        """
        is_recent = now - self._failed_at < PROBLEM_SECONDS
        return f"{READ_PROBLEM}: {self._read_error}" if is_recent else None

    @override
    async def start(self) -> None:
        fetcher.MemoryRecords = RecordBatches  # aiokafka has no other place for a parser. It holds for this process.
        await super().start()
        self._fetcher._prefetch_backoff = UNREAD_SECONDS  # noqa: SLF001  # aiokafka has no option for it

    @override
    async def getone(self, *partitions: TopicPartition) -> ConsumerRecord:
        with self._noting_problems():
            return await super().getone(*partitions)

    @contextmanager
    def _noting_problems(self) -> Iterator[None]:
        """Log an error of a read. FastStream swallows it and reads again after some seconds."""
        try:
            yield
        except ConsumerStoppedError:
            raise
        except Exception as error:
            self._read_error, self._failed_at = type(error).__name__, time.time()
            topics = sorted(self.subscription())
            logger.error("reading failed", topics=topics, error=type(error).__name__, location=error_location(error))
            raise
        self._failed_at = float("-inf")
