"""Erasure of the data of persons: any consumer carries out the orders that are due."""

from contextlib import suppress

from consumer.context import ConsumerContext
from consumer.logger import logger
from ledger.erasing import LEASE_SECONDS, ReplacedError, end_pass, run_pass


class ErasureJob:
    """Carries out one pass of one order per call."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context = context

    async def run_pass(self) -> None:
        """Take the order that is due for longest, and erase what can be erased now."""
        context, ledger = self._context, self._context.ledger
        erasure = await ledger.erasures.take_due(LEASE_SECONDS)
        if erasure is None:
            return
        with suppress(ReplacedError):
            erasure, progress = await run_pass(ledger, context.sealer, erasure)
            if progress.problem:
                context.readiness.warn("sealing_keys", progress.problem)
            if await end_pass(ledger, erasure, is_open=progress.left_open > 0):
                logger.info("erasure finished", **erasure.counts)
