"""Retention: what is past its time is erased or deleted, a little at a time, by any process."""

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
    """Takes one bounded step whenever it is asked, so that whoever waits for the ledger waits for one step at most."""

    def __init__(self, context: ConsumerContext, sizes: BatchSizes = DEFAULT_BATCH_SIZES) -> None:
        self._context, self._sizes = context, sizes
        self._batches: dict[str, Batch] = {}
        ledger, limits = context.ledger, context.tuning
        if (erased_after := limits.address_retention) is not None:
            self._batches["erased"] = lambda: ledger.retention.erase(after=erased_after, limit=sizes.chunks)
        if (deleted_after := limits.request_retention) is not None:
            self._batches["deleted"] = lambda: ledger.retention.delete(after=deleted_after, limit=sizes.logs)
        self._rests_until = float("-inf")
        self._changed: dict[str, int] = {}

    async def run_batch(self) -> None:
        """Erase a batch and delete a batch, unless there was nothing lately."""
        if not self._batches or self._context.monotonic() < self._rests_until:
            return
        found = {name: await batch() for name, batch in self._batches.items()}
        for name, number in found.items():
            self._changed[name] = self._changed.get(name, 0) + number
        if any(found.values()):
            return
        self._rests_until = self._context.monotonic() + self._sizes.pause_seconds * (0.5 + self._context.random())
        if any(self._changed.values()):
            logger.info("past their time", **{name: number for name, number in self._changed.items() if number})
        self._changed = {}


def retention_period(number: int | None) -> timedelta | None:
    """A setting in days as a span of time; None: for ever."""
    return None if number is None else timedelta(days=number)
