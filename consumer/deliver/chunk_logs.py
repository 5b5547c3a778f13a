"""Delivery logs of one chunk."""

from collections import Counter
from collections.abc import Iterable, Sequence

from consumer.context import ConsumerContext
from core.chunk_work import Counts
from core.ids import index_of, log_ids
from ledger.models import Chunk, Log, RequestHeader


class ChunkLogs:
    """Reads and writes the logs of a chunk, and counts their outcomes."""

    def __init__(self, chunk: Chunk, header: RequestHeader, context: ConsumerContext) -> None:
        self._chunk, self._header, self._context = chunk, header, context
        self.counts: Counts = Counter(chunk.work.counts)

    async def read(self, at: Iterable[int]) -> dict[int, Log]:
        """Return the stored logs of these deliveries, by index."""
        ids = log_ids(self._chunk.key, self._chunk.part, at)
        logs = await self._context.retry_until_available(
            "read of existing logs", self._context.ledger.logs.get_many, ids
        )
        return {index_of(log_id): log for log_id, log in logs.items()}

    async def write(self, logs: Sequence[Log]) -> list[Log]:
        """Write the logs. Return those that are stored: a log that existed before is kept."""
        return await self._context.retry_until_available("write of logs", self._context.ledger.logs.insert_or_get, logs)

    def count(self, logs: Sequence[Log]) -> None:
        """Count the outcomes of stored logs."""
        outcomes = Counter((log.outcome, log.reason) for log in logs)
        self.counts.update(outcomes)
        age = self._context.ledger.now() - self._header.accepted_at
        self._context.metrics.ended(self._chunk.lane, outcomes, age.total_seconds())
