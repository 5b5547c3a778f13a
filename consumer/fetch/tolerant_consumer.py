"""Consumer that steps over what cannot be parsed, and keeps the problem of a read that fails.

The product reads with no other consumer. docs/decisions/0037-records-that-cannot-be-parsed.md has the reasons.
"""

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


class TolerantConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """Consumer whose records have `UnparsedBytes` as their value if they cannot be parsed."""

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **options)
        self.read_problem: str | None = None
        """Error of the last read of one record, or None after a record was read."""

    @override
    async def start(self) -> None:
        fetcher.MemoryRecords = RecordBatches  # aiokafka has no other place for a parser. It holds for this process.
        await super().start()

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
            self.read_problem = f"{READ_PROBLEM}: {type(error).__name__}"
            topics = sorted(self.subscription())
            logger.error("reading failed", topics=topics, error=type(error).__name__, location=error_location(error))
            raise
        self.read_problem = None
