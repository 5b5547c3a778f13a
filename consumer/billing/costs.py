"""Costs of the deliveries of one chunk. What was sent and what may have been sent counts as paid."""

from collections.abc import Iterable, Sequence

from consumer.billing.segments import RenderedSegments
from consumer.request_cache import OpenedRequest
from core.chunk_work import WaitingDelivery
from core.delivery_outcome import WindowDelivery
from core.money import Cost
from core.send_result import Uncertain
from ledger.chunk_recipients import ChunkRecipient
from ledger.models import Chunk
from providers.prices import PriceList
from schemas.statuses import Status

PAID = frozenset({Status.SENT, Status.UNKNOWN})
"""Outcomes that count as paid."""


class ChunkCosts:
    """Prices of the tries of SMS, and possible costs of uncertain tries of deliveries without an outcome."""

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

    def forget(self, indices: Iterable[int]) -> None:
        """Drop the doubts of deliveries whose log is stored, because it has their cost."""
        for index in indices:
            self.doubts.pop(index, None)

    def note_takeover(self, entries: Iterable[WindowDelivery], provider: str | None) -> None:
        """Count the try of a previous owner as paid for each delivery that is sent again."""
        self._add_doubts((entry.index for entry in entries if entry.possibly_sent), provider)

    def note_retries(
        self, entries: Iterable[WindowDelivery], retries: Iterable[WaitingDelivery], provider: str | None
    ) -> None:
        """Count the uncertain tries of a window as paid for each delivery that is tried again."""
        again = {retry.index for retry in retries}
        uncertain = (entry.index for entry in entries if isinstance(entry.result, Uncertain))
        self._add_doubts(again.intersection(uncertain), provider)

    def _add_doubts(self, indices: Iterable[int], provider: str | None) -> None:
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
