"""Reservations from the budget of a request. No window is sent before the request has room for the most it may cost."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from consumer.billing.costs import ChunkCosts
from consumer.context import ConsumerContext
from consumer.deliver.lease import Lease
from consumer.deliver.open_window import OpenWindow
from consumer.request_cache import OpenedRequest
from core.chunk_work import Batch, DecidedDelivery, Window, Work
from core.delivery_outcome import NotSent, WindowDelivery
from core.index_ranges import indices, to_ranges
from core.money import Cost
from core.send_result import Retry
from ledger.models import RequestHeader
from schemas.statuses import Reason, Status

NO_PRICES = Retry(Reason.UNAVAILABLE, "no prices for the budget of the request", delay_seconds=60.0, offered=False)
"""Result if this consumer has no prices. The delivery waits for one that has some, and ends by a cancel or its expiry.
"""
BEYOND_BUDGET = "the budget of the request has no room for another try"
"""Error of a delivery that may have been sent and is not tried again."""


class ChunkBudget:
    """Reservations of one claim. The ledger stores the sum of each chunk, and refuses that of an earlier owner."""

    def __init__(self, budget: Cost, costs: ChunkCosts, lease: Lease, context: ConsumerContext) -> None:
        self._costs, self._lease, self._context = costs, lease, context
        self._currency = context.providers.prices.currency
        self._budget = budget.get(self._currency, 0)
        self._reserved: int | None = None
        self._admitted: Window | None = None

    def covers(self, window: OpenWindow) -> bool:
        """Return whether this claim has reserved what the window may cost."""
        return window.intent is not None and window.intent is self._admitted

    async def admit(self, window: OpenWindow, intent: Window, work: Work, cost: Cost) -> tuple[Window | None, Work]:
        """Reserve what the deliveries without a result may cost. `cost` is that of all logs of the chunk.

        Return the intent without the deliveries for which the budget has no room, and the work with their outcomes.
        """
        prices = {
            entry.index: 0 if _is_paid_before(window, entry) else await self._most(entry.index, intent.provider)
            for entry in window.without_result
        }
        spent = self._spent(cost)
        room = await self._reserve(spent + sum(prices.values())) - spent
        beyond: list[DecidedDelivery] = []
        for entry in window.without_result:
            if prices[entry.index] <= room:
                room -= prices[entry.index]
            else:
                doubted = entry.possibly_sent or window.taken_over or window.is_pinned
                if window.taken_over and not (entry.possibly_sent or window.is_pinned):
                    self._costs.add_doubts([entry.index], window.provider)
                beyond.append(_decide(entry.index, entry.attempts, doubted=doubted))
        batch = _without(intent.batch, {decided.index for decided in beyond})
        self._admitted = replace(intent, batch=batch, reserved=True) if batch else None
        return self._admitted, replace(work, decided=(*work.decided, *beyond))

    async def give_back(self, cost: Cost) -> None:
        """Give back what no delivery of the chunk has used, if there may be something."""
        if self._reserved is None or self._spent(cost) < self._reserved:
            await self._reserve(self._spent(cost))

    def _spent(self, cost: Cost) -> int:
        return cost.get(self._currency, 0) + sum(self._costs.doubts.values())

    async def _most(self, index: int, provider: str | None) -> int:
        price = partial(self._costs.price, index, provider)
        return await self._context.turn_budget.run(price, self._costs.weight(index)) or 0

    async def _reserve(self, amount: int) -> int:
        """Set what the chunk may cost in all. Return the amount that the budget has room for."""
        reserve, token = self._context.ledger.requests.reserve, self._lease.token
        granted = await self._context.retry_until_available(
            "reservation", reserve, token.chunk_id, token.fence, amount, self._budget
        )
        if granted is None:
            raise self._lease.mark_lost()
        self._reserved = granted
        return granted


def open_budget(
    opened: OpenedRequest, costs: ChunkCosts | None, lease: Lease, context: ConsumerContext
) -> ChunkBudget | None:
    """Return the budget of a request. None if it has none, or if nothing can be sent: without prices or without key."""
    budget = opened.header.budget
    return ChunkBudget(budget, costs, lease, context) if budget is not None and costs and opened.template else None


def may_be_sent(window: Window | None, header: RequestHeader) -> bool:
    """Return whether an owner may have sent a window. Without its reservation from a budget, no owner has."""
    return header.budget is None or (window is not None and window.reserved)


def unreserved(header: RequestHeader, budget: ChunkBudget | None, window: OpenWindow) -> NotSent | Retry | None:
    """Return the result of the deliveries of a window that needs a reservation and has none, or None."""
    if header.budget is None or (budget and budget.covers(window)):
        return None
    return NotSent.DEFERRED if budget else NO_PRICES


def _is_paid_before(window: OpenWindow, entry: WindowDelivery) -> bool:
    """Return whether an earlier try counts as paid, at a provider that deduplicates and bills a delivery once."""
    return window.is_pinned and not entry.possibly_sent


def _decide(index: int, attempts: int, *, doubted: bool) -> DecidedDelivery:
    """Return the outcome of a delivery beyond the budget. One that may have been sent is never `suppressed`."""
    if doubted:
        return DecidedDelivery(index, Status.UNKNOWN, Reason.NO_ANSWER, BEYOND_BUDGET, attempts=attempts)
    return DecidedDelivery(index, Status.SUPPRESSED, Reason.BUDGET_EXHAUSTED, attempts=attempts)


def _without(batch: Batch, removed: Collection[int]) -> Batch | None:
    """Return the batch without some deliveries, or None if none is left."""
    kept = [index for index in indices(batch.ranges) if index not in removed]
    return (
        replace(batch, ranges=to_ranges(kept), possibly_sent=batch.possibly_sent.difference(removed)) if kept else None
    )
