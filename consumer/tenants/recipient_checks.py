"""Checks of the recipients of a chunk by the rules of their tenant, for each window before it is sent."""

from collections.abc import Sequence

from consumer.context import ConsumerContext
from consumer.deliver.delivery_factory import DeliveryFactory
from consumer.tenants.message_caps import MessageCaps
from consumer.tenants.required_consent import mark_without_consent
from consumer.tenants.suppressed_recipients import mark_suppressed
from consumer.tenants.waiting_hours import WaitingHours
from core.chunk_work import Work
from core.delivery_outcome import WindowDelivery
from core.send_result import Retry
from ledger.errors import SealingError
from ledger.models import Log, RequestHeader
from schemas.statuses import Reason

NO_KEY = Retry(Reason.UNAVAILABLE, "the key of the tenant cannot be opened", delay_seconds=60.0, offered=False)
"""Result if this consumer cannot tell who opted out. The delivery waits for one that can."""


class RecipientChecks:
    """Suppressions, consents, send window and caps, in this order. A check that a tenant does not use costs nothing."""

    def __init__(self, header: RequestHeader, factory: DeliveryFactory, context: ConsumerContext) -> None:
        self._header, self._address_of, self._context = header, factory.address_of, context
        self._hours = WaitingHours(header, factory.address_of, factory.timezone_of, context)
        self._caps = MessageCaps(header, factory.address_of, factory.id_of, context)

    async def mark(self, deliveries: Sequence[WindowDelivery]) -> None:
        """Give its result to each delivery of an open window that must not be sent, or not now."""
        try:
            await mark_suppressed(deliveries, self._header, self._address_of, self._context)
            await mark_without_consent(_unmarked(deliveries), self._header, self._address_of, self._context)
            await self._hours.mark(_unmarked(deliveries))
            await self._caps.mark(_unmarked(deliveries))
        except SealingError as error:
            self._context.readiness.warn("sealing_keys", str(error))
            for each in _unmarked(deliveries):
                each.result = NO_KEY

    async def postpone(self, work: Work) -> Work:
        """Let untried deliveries wait as well, if those of the last window have to wait for their send window."""
        return await self._hours.postpone(work)

    async def note_logs(self, logs: Sequence[Log]) -> None:
        """Correct the counts of messages by the stored logs."""
        await self._caps.note_logs(logs)


def _unmarked(deliveries: Sequence[WindowDelivery]) -> list[WindowDelivery]:
    return [each for each in deliveries if each.result is None]
