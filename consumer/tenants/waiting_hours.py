"""Check of the send window of a tenant for each window of deliveries before it is sent."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from consumer.context import ConsumerContext
from consumer.tenants.current_tenant import current_tenant
from core.chunk_work import WaitingDelivery, Work
from core.delivery_outcome import Postponed, Suppressed, WindowDelivery, in_quiet_hours
from core.index_ranges import indices, to_ranges
from core.quiet_hours import QuietHours
from ledger.models import RequestHeader
from schemas.statuses import Reason

_ZONE_WEIGHT = 32
"""Weight of the look for the time zone of one recipient, in characters."""
_NEVER = Suppressed(Reason.QUIET_HOURS)


class WaitingHours:
    """Lets the deliveries of one chunk wait until the send window of their tenant opens for their recipients.

    `address_of` and `timezone_of` return the address and the own time zone of a delivery by its index.
    """

    def __init__(
        self,
        header: RequestHeader,
        address_of: Callable[[int], str],
        timezone_of: Callable[[int], str | None],
        context: ConsumerContext,
    ) -> None:
        self._header, self._context = header, context
        self._address_of, self._timezone_of = address_of, timezone_of
        self._closed_in: QuietHours | None = None
        """Hours that the last window was checked with, if it had a delivery that has to wait."""

    async def mark(self, deliveries: Sequence[WindowDelivery]) -> None:
        """Give its result to each delivery of an open window that must not be sent now. They are certainly not sent."""
        self._closed_in = None
        settings = (await current_tenant(self._header.tenant_id, self._context)).settings
        window = settings.send_window.of(self._header.category)
        if window is None or not deliveries:
            return
        await self._context.turn_budget.wait(_ZONE_WEIGHT * len(deliveries))
        now = self._context.ledger.now()
        hours = QuietHours(window, self._header.channel, settings.default_timezone, now)
        for each in deliveries:
            due_at = hours.due_at(self._address_of(each.index), self._timezone_of(each.index))
            if due_at is None:
                each.result = _NEVER
            elif due_at > now:
                each.result, self._closed_in = Postponed(due_at), hours

    async def postpone(self, work: Work) -> Work:
        """Let untried deliveries wait as well, if those of the last window have to.

        The chunk then needs no further windows for them. It is put back, and claimed again at its earliest opening.
        """
        hours, self._closed_in = self._closed_in, None
        if hours is None:
            return work
        untried = list(indices(work.untried))
        await self._context.turn_budget.wait(_ZONE_WEIGHT * len(untried))
        now = self._context.ledger.now()
        found = {index: hours.due_at(self._address_of(index), self._timezone_of(index)) for index in untried}
        waiting = [
            WaitingDelivery(index, 0, due_at, history=in_quiet_hours())
            for index, due_at in found.items()
            if due_at is not None and due_at > now
        ]
        left = to_ranges(sorted(set(untried).difference(each.index for each in waiting)))
        return replace(work, untried=left, retries=(*work.retries, *waiting))
