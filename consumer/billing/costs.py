"""Costs of the deliveries of one chunk. What was sent and what may have been sent counts as paid."""

from collections.abc import Iterable, Mapping, Sequence

from consumer.billing.segments import RenderedSegments
from consumer.deliver.open_window import OpenWindow
from consumer.request_cache import OpenedRequest
from core.chunk_work import WaitingDelivery
from core.delivery_outcome import OutcomeRules, WindowDelivery
from core.ids import LogId, index_of
from core.money import Cost
from core.send_result import Uncertain
from ledger.chunk_recipients import ChunkRecipient
from ledger.models import Chunk, Log
from providers.prices import PriceList
from schemas.statuses import Status

PAID = frozenset({Status.SENT, Status.UNKNOWN})
"""Outcomes that count as paid."""


class ChunkCosts:
    """Prices of the tries of SMS, and possible costs of uncertain tries that are in no log."""

    def __init__(
        self,
        segments: RenderedSegments,
        chunk: Chunk,
        opened: OpenedRequest,
        recipients: Sequence[ChunkRecipient],
        prices: PriceList,
    ) -> None:
        self.has_budget = opened.header.budget is not None
        self._first, self._recipients, self._segments, self._prices = chunk.first, recipients, segments, prices
        self.doubts = dict(chunk.work.doubts)
        """Millionths by delivery. See `Work.doubts`."""

    def price(self, index: int, provider: str | None) -> int | None:
        """Return the price of one try at a provider, in millionths, or None if it is not known.

        With a budget, the highest price of any provider counts for one that is not known.
        """
        at = index - self._first
        counted = self._segments.find(at)
        if counted is None:
            return None
        number = self._recipients[at][0]
        per_segment = self._prices.per_segment(provider, number)
        if per_segment is None and self.has_budget:
            per_segment = self._prices.most_per_segment(number)
        return None if per_segment is None else per_segment * counted.segments

    def weight(self, index: int) -> int:
        """Return the work to find the price of a delivery, in characters of its text."""
        return self._segments.weight(index - self._first)

    def note_recovered(self, window: OpenWindow, logs: Mapping[int, Log], *, was_pinned: bool) -> None:
        """Drop the doubts of deliveries that have a log, because it has their cost.

        For each delivery of a window that was taken over and is sent again, count the try of the previous owner. That
        of a window that was pinned before is counted already, because its provider bills a delivery once.
        """
        is_new_try = window.taken_over and not was_pinned
        for index, log in logs.items():
            if doubt := self.doubts.pop(index, None):
                last = self.price(index, window.provider) if is_new_try else None
                self._note_unlogged(index, doubt + (last or 0), log)
        if window.taken_over:
            is_pinned_now = is_new_try and window.is_pinned
            again = (entry.index for entry in window.without_result if entry.possibly_sent or is_pinned_now)
            self.add_doubts(again, window.provider)

    def note_retries(
        self, entries: Iterable[WindowDelivery], retries: Sequence[WaitingDelivery], rules: OutcomeRules
    ) -> None:
        """Count the uncertain tries of a window as paid for each delivery that is tried again.

        A try at a provider that deduplicates may be one of the previous owner. Such tries count once.
        """
        if rules.is_paid_before:
            return
        again = {retry.index for retry in retries}
        pinned = {retry.index for retry in retries if retry.pinned_provider and rules.deduplicates}
        uncertain = {entry.index for entry in entries if isinstance(entry.result, Uncertain)}
        self.add_doubts(pinned | (again & uncertain), rules.provider)

    def note_earlier_logs(self, written: Iterable[Log], stored: Mapping[LogId, Log]) -> None:
        """Compare what this owner has paid with the logs that count. A previous owner may have written them."""
        for log in written:
            if log.cost:
                self._note_unlogged(index_of(log.id), log.cost.get(self._prices.currency, 0), stored[log.id])

    def _note_unlogged(self, index: int, paid: int, log: Log) -> None:
        """Keep the rest of what was paid, so that the budget has no room for it.

        With `resend`, a previous owner that was frozen may write a log that knows nothing of the later tries.
        """
        rest = paid - log.cost.get(self._prices.currency, 0) if log.cost else 0
        if self.has_budget and rest > 0:
            self.doubts[index] = rest

    def add_doubts(self, indices: Iterable[int], provider: str | None) -> None:
        """Count one try of each of these deliveries as paid."""
        for index in indices:
            if price := self.price(index, provider):
                self.doubts[index] = self.doubts.get(index, 0) + price

    def take(self, index: int, status: Status, provider: str | None, *, paid: bool) -> Cost | None:
        """Return the cost of a delivery with its outcome, uncertain tries included. None if no price is known.

        `paid` is true if the last try counts.
        """
        doubt = self.doubts.pop(index, None)
        price = self.price(index, provider) if paid else None
        if status not in PAID or (price is None and doubt is None):
            return None
        return {self._prices.currency: (price or 0) + (doubt or 0)}
