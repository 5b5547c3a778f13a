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
MAX_KEPT_WITH_TENANTS = 500_000
"""Number of kept receipts from which no further one of a tenant's own provider is kept.

A tenant can sign as many as it likes. So it leaves room for the receipts of the installation.
"""
COUNT_SECONDS = 10.0
"""Time between two counts of the kept receipts, in seconds."""


class ReceiptKeeper:
    """Keeper of receipts in the ledger, for a day at most (consumer/sweep/kept_receipts.py)."""

    def __init__(self, context: ConsumerContext, counter: ReceiptCounter) -> None:
        self._context, self._counter = context, counter
        self._counted_at, self._kept = float("-inf"), 0

    async def keep(self, receipts: Sequence[PendingReceipt]) -> None:
        """Keep receipts. Their offsets may be committed when this returns. Above the limit, only count them."""
        if not receipts:
            return
        context = self._context
        if context.monotonic() - self._counted_at >= COUNT_SECONDS:
            self._kept = await context.retry_until_available("count of kept receipts", context.ledger.receipts.count)
            self._counted_at = context.monotonic()
            if self._kept >= MAX_KEPT_WITH_TENANTS:
                logger.error("receipts not kept", kept=self._kept)
        wanted = []
        for each in receipts:
            if self._has_room(each):
                wanted.append(each)
            else:
                self._counter.unmatched(each)
        if not wanted:
            return
        sealed = {each.id: each.sealed(context.sealer) for each in wanted}
        await context.retry_until_available("write of kept receipts", context.ledger.receipts.keep, sealed)
        for each in wanted:
            self._counter.kept(each)

    def _has_room(self, pending: PendingReceipt) -> bool:
        return self._kept < (MAX_KEPT if pending.receipt.tenant_id is None else MAX_KEPT_WITH_TENANTS)
