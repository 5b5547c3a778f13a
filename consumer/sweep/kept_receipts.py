"""Kept receipts: any consumer tries them again, for a day, until their log exists."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from consumer.context import ConsumerContext
from consumer.logger import error_location, logger
from consumer.settle.keep_receipts import COUNT_SECONDS
from consumer.settle.pending_receipt import PendingReceipt
from consumer.settle.receipt_events import ReceiptEvents
from consumer.settle.receipt_metrics import ReceiptCounter
from consumer.settle.settler import ReceiptResult, settle_receipts
from consumer.settle.suppress_recipients import suppress_recipients
from ledger.errors import LedgerUnavailable, SealingError
from ledger.receipt_port import KeptReceipt

KEPT_FOR = timedelta(days=1)
"""Time after which a receipt that matches no log is given up."""
BATCH = 200
"""Number of receipts that are claimed and settled together."""
MAX_BATCHES = 20
"""Maximum number of batches of a round."""
LEASE_SECONDS = 120.0
"""Time after which another consumer may claim the receipts of a batch, in seconds. A reply topic that takes no events
delays a batch for 30 s."""


class KeptReceiptRetries:
    """Settles kept receipts as those of the topic, and deletes each after the acknowledgement of its event."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context = context
        self._events, self._counter = ReceiptEvents(context), ReceiptCounter(context)
        self._counted_at = float("-inf")
        self.running: asyncio.Task[None] | None = None
        """Round that is under way. A reply topic that takes no events delays it, and must not delay other jobs."""

    async def start_round(self) -> None:
        """Start to settle the receipts that are due, unless the last round is still under way."""
        await self._count()
        if self.running and not self.running.done():
            return
        if claimed := await self._claim():
            self.running = asyncio.create_task(self._run_round(claimed))
            self.running.add_done_callback(_log_error)

    async def _count(self) -> None:
        now = self._context.monotonic()
        if now - self._counted_at >= COUNT_SECONDS:
            self._counted_at = now
            self._context.metrics.receipts.kept.set(await self._context.ledger.receipts.count())

    async def stop(self) -> None:
        """End the round that is under way. Its receipts are claimed again when their claim ends."""
        if self.running:
            self.running.cancel()
            await asyncio.wait({self.running})

    async def _claim(self) -> list[KeptReceipt]:
        return await self._context.ledger.receipts.claim_due(BATCH, LEASE_SECONDS)

    async def _run_round(self, claimed: list[KeptReceipt]) -> None:
        for _ in range(MAX_BATCHES):
            await self._settle(claimed)
            if len(claimed) < BATCH or self._context.stopping.is_set():
                return
            claimed = await self._claim()

    async def _settle(self, claimed: Sequence[KeptReceipt]) -> None:
        """Settle claimed receipts. If the code fails on them, settle their halves, and put back a single receipt."""
        try:
            await self._settle_together(claimed)
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # no error of one receipt may delay the others
            fields = {"error": type(error).__name__, "location": error_location(error)}
            logger.error("settling of kept receipts failed", receipts=len(claimed), **fields)
            if len(claimed) > 1:
                middle = len(claimed) // 2
                await self._settle(claimed[:middle])
                await self._settle(claimed[middle:])
            else:
                await self._put_back(claimed, {})

    async def _settle_together(self, claimed: Sequence[KeptReceipt]) -> None:
        context, receipts = self._context, self._context.ledger.receipts
        opened = [pending for each in claimed if (pending := self._open(each))]
        settled = await settle_receipts(opened, context)
        left = {each.id for each in await suppress_recipients(settled, context)}
        await self._events.publish_all(each.log for each in settled if each.has_event and each.log)
        done = [each for each in settled if each.result is not ReceiptResult.UNMATCHED and each.pending.id not in left]
        await receipts.delete([each.pending.id for each in done])
        for each in done:
            self._counter.done(each)
        waiting = {each.id for each in claimed} - {each.pending.id for each in done}
        await self._put_back([each for each in claimed if each.id in waiting], {each.id: each for each in opened})

    async def _put_back(self, waiting: Sequence[KeptReceipt], opened: dict[str, PendingReceipt]) -> None:
        """Put receipts back until their next try. Delete those that were tried for a day."""
        before = self._context.ledger.now() - KEPT_FOR
        given_up = [each for each in waiting if each.first_seen_at <= before]
        await self._context.ledger.receipts.postpone([each for each in waiting if each.first_seen_at > before])
        await self._context.ledger.receipts.delete([each.id for each in given_up])
        for each in given_up:
            if pending := opened.get(each.id):
                self._counter.unmatched(pending)
        if given_up:
            logger.warning("unmatched receipts given up", receipts=len(given_up))

    def _open(self, kept: KeptReceipt) -> PendingReceipt | None:
        """Return a receipt, or None if its sealing key is missing here. Another consumer may have the key."""
        try:
            return PendingReceipt.opened(kept.id, kept.sealed, self._context.sealer)
        except SealingError as error:
            logger.error("kept receipt not opened", receipt=kept.id, reason=str(error))
            return None


def _log_error(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.warning("round of kept receipts ended", error=type(error).__name__, location=error_location(error))
