"""Counts of receipts by their result. No label has a value that the writer of a record may choose freely."""

from consumer.context import ConsumerContext
from consumer.provider_caller import TENANT_LABEL
from consumer.settle.pending_receipt import PendingReceipt
from consumer.settle.settler import ReceiptResult, SettledReceipt
from schemas.receipts import Receipt
from schemas.statuses import Channel

MAX_CODES = 100
"""Maximum number of codes without a known status that the metric names. All others are `(other)`."""
OTHER = "(other)"
KEPT = "kept"
"""Value of the metric label `result` for a receipt that is tried again."""


class ReceiptCounter:
    """Counter of receipts."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context, self._metrics = context, context.metrics.receipts
        self._names = {provider.name for channel in Channel for provider in context.providers.for_channel(channel)}
        self._codes: set[str] = set()

    def done(self, settled: SettledReceipt) -> None:
        """Count a receipt that needs no further try."""
        self._count(settled.pending, settled.result.value)
        if settled.result is ReceiptResult.MOVED:
            status = settled.pending.receipt.status.value
            self._metrics.age.observe((status,), settled.pending.age_seconds(self._context.ledger.now()))

    def kept(self, pending: PendingReceipt) -> None:
        """Count a receipt that is tried again."""
        self._count(pending, KEPT)

    def unmatched(self, pending: PendingReceipt) -> None:
        """Count a receipt that is given up."""
        self._count(pending, ReceiptResult.UNMATCHED.value)

    def unrecognised(self, receipt: Receipt) -> None:
        """Count a receipt with a status that the table of its vendor does not have."""
        code = receipt.code or ""
        if len(self._codes) < MAX_CODES:
            self._codes.add(code)
        shown = code if code in self._codes else OTHER
        self._metrics.unrecognised.labels(self._provider(receipt), shown).inc()

    def _count(self, pending: PendingReceipt, result: str) -> None:
        receipt = pending.receipt
        kind = receipt.receipt_class.value if receipt.receipt_class else ""
        self._metrics.results.labels(self._provider(receipt), receipt.status.value, kind, result).inc()

    def _provider(self, receipt: Receipt) -> str:
        if receipt.tenant_id is not None:
            return TENANT_LABEL
        return receipt.provider if receipt.provider in self._names else OTHER
