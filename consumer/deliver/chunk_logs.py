"""Delivery logs of one chunk."""

from collections import Counter
from collections.abc import Iterable, Sequence

from consumer.billing.costs import ChunkCosts
from consumer.context import ConsumerContext
from consumer.logger import logger
from core.chunk_work import Counts
from core.ids import index_of, log_ids
from core.money import add_costs
from ledger.errors import LedgerRefused
from ledger.models import Chunk, Log, RequestHeader


class ChunkLogs:
    """Reads and writes the logs of a chunk, and counts their outcomes."""

    def __init__(self, chunk: Chunk, header: RequestHeader, costs: ChunkCosts | None, context: ConsumerContext) -> None:
        self._chunk, self._header, self._costs, self._context = chunk, header, costs, context
        self.counts: Counts = Counter(chunk.work.counts)
        self.cost = chunk.work.cost
        """Sum of the costs of all logs that are counted."""

    async def read(self, at: Iterable[int]) -> dict[int, Log]:
        """Return the stored logs of these deliveries, by index."""
        ids = log_ids(self._chunk.key, self._chunk.part, at)
        logs = await self._context.retry_until_available(
            "read of existing logs", self._context.ledger.logs.get_many, ids
        )
        return {index_of(log_id): log for log_id, log in logs.items()}

    async def write(self, logs: Sequence[Log]) -> list[Log]:
        """Write the logs. Return those that are stored: a log that existed before is kept.

        A log that MongoDB refuses for good is written without its texts, so that its delivery ends with its outcome.
        """
        try:
            stored = await self._insert(logs)
        except LedgerRefused:
            stored = [await self._write_refused(log) for log in logs]
        if self._costs and self._costs.has_budget:
            self._costs.note_earlier_logs(logs, {log.id: log for log in stored})
        return stored

    async def _write_refused(self, log: Log) -> Log:
        """Write one log of a refused insert, without its texts if they are the reason."""
        try:
            (stored,) = await self._insert([log])
        except LedgerRefused as error:
            logger.error("log shortened", chunk=self._chunk.id, log=log.id, reason=str(error))
            bare = log._replace(recipient="***", reference=None, provider_message_id=None, response=None, error=None)
            (stored,) = await self._insert([bare])
        return stored

    async def _insert(self, logs: Sequence[Log]) -> list[Log]:
        return await self._context.retry_until_available("write of logs", self._context.ledger.logs.insert_or_get, logs)

    def count(self, logs: Sequence[Log]) -> None:
        """Count the outcomes of stored logs."""
        outcomes = Counter((log.outcome, log.outcome_reason) for log in logs)
        self.counts.update(outcomes)
        if any(log.cost for log in logs):
            self.cost = add_costs([self.cost, *(log.cost for log in logs)])
        age = self._context.ledger.now() - self._header.accepted_at
        self._context.metrics.ended(self._chunk.lane, outcomes, age.total_seconds())
