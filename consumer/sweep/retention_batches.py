"""Retention: any consumer erases and deletes data that is past its retention period, in small batches."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

from consumer.context import ConsumerContext
from consumer.logger import logger

Batch = Callable[[], Awaitable[int]]


class BatchSizes(NamedTuple):
    """Size of one batch, and the pause after the last one."""

    chunks: int = 50
    """Number of chunks erased in one write. Each is rewritten as a whole, tens of kilobytes."""
    logs: int = 2_000
    """Number of logs deleted in one write."""
    pause_seconds: float = 60.0
    """Pause in seconds, on average, after a round that found nothing."""


DEFAULT_BATCH_SIZES = BatchSizes()


class RetentionJob:
    """Erases and deletes one bounded batch per call, so that other jobs wait for one batch at most."""

    def __init__(self, context: ConsumerContext, sizes: BatchSizes = DEFAULT_BATCH_SIZES) -> None:
        self._context, self._sizes = context, sizes
        self._batches: dict[str, Batch] = {}
        ledger, tuning = context.ledger, context.tuning
        if (erased_after := tuning.address_retention) is not None:
            self._batches["erased"] = lambda: ledger.retention.erase(after=erased_after, limit=sizes.chunks)
        if (deleted_after := tuning.request_retention) is not None:
            self._batches["deleted"] = lambda: ledger.retention.delete(after=deleted_after, limit=sizes.logs)
        self._idle_until = float("-inf")
        self._totals: dict[str, int] = {}

    async def run_batch(self) -> None:
        """Erase one batch and delete one batch. Do nothing during the pause after a round that found nothing."""
        if not self._batches or self._context.monotonic() < self._idle_until:
            return
        changed = {name: await batch() for name, batch in self._batches.items()}
        for name, number in changed.items():
            self._totals[name] = self._totals.get(name, 0) + number
        if any(changed.values()):
            return
        self._idle_until = self._context.monotonic() + self._sizes.pause_seconds * (0.5 + self._context.random())
        if any(self._totals.values()):
            logger.info("retention batch finished", **{name: number for name, number in self._totals.items() if number})
        self._totals = {}


def retention_period(days: int | None) -> timedelta | None:
    """Return a setting in days as a time span. None means without end."""
    return None if days is None else timedelta(days=days)
