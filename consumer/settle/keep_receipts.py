"""Receipts that match no log yet, and those that suppress a recipient whose sealing key is missing here.

The first come before their delivery is settled, or belong to no delivery here.
"""

from collections.abc import Sequence

from consumer.context import ConsumerContext
from consumer.logger import logger
from consumer.settle.pending_receipt import PendingReceipt
from consumer.settle.receipt_metrics import ReceiptCounter

MAX_KEPT = 1_000_000
"""Maximum number of receipts that are kept for all consumers together, as far as the last count tells."""
COUNT_SECONDS = 10.0
"""Time between two counts of the kept receipts, in seconds."""


class ReceiptKeeper:
    """Keeper of receipts in the ledger, for a day at most (consumer/sweep/kept_receipts.py)."""

    def __init__(self, context: ConsumerContext, counter: ReceiptCounter) -> None:
        self._context, self._counter = context, counter
        self._counted_at, self._is_full = float("-inf"), False

    async def keep(self, receipts: Sequence[PendingReceipt]) -> None:
        """Keep receipts. Their offsets may be committed when this returns. Above the limit, only count them."""
        if not receipts:
            return
        context = self._context
        if context.monotonic() - self._counted_at >= COUNT_SECONDS:
            kept = await context.retry_until_available("count of kept receipts", context.ledger.receipts.count)
            self._counted_at, self._is_full = context.monotonic(), kept >= MAX_KEPT
            if self._is_full:
                logger.error("receipts not kept", kept=kept)
        if self._is_full:
            for each in receipts:
                self._counter.unmatched(each)
            return
        sealed = {each.id: each.sealed(context.sealer) for each in receipts}
        await context.retry_until_available("write of kept receipts", context.ledger.receipts.keep, sealed)
        for each in receipts:
            self._counter.kept(each)
