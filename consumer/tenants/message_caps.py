"""Check of the caps of a tenant on the messages to one recipient, for each window of deliveries before it is sent."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from consumer.context import ConsumerContext
from consumer.tenants.current_tenant import current_tenant
from consumer.tenants.suppressed_recipients import ADDRESS_WEIGHT
from core.delivery_outcome import NOT_SENT, Suppressed, WindowDelivery
from core.ids import LogId, index_of
from ledger.errors import SealingError
from ledger.message_counter_key import MessageCounterKey
from ledger.message_counter_port import MessageToCount
from ledger.models import Log, RequestHeader
from ledger.tenant_key import get_or_create_key, open_tenant_key
from ledger.tenant_port import StoredTenantKey
from schemas.statuses import Reason
from schemas.tenant_settings import RecipientCaps

_CAPPED = Suppressed(Reason.CAPPED)


class MessageCaps:
    """Counts the deliveries of one chunk before they are sent. Those beyond a cap are suppressed.

    A delivery counts once, however often it is tried. `address_of` and `id_of` return the address and the log id of a
    delivery by its index.
    """

    def __init__(
        self,
        header: RequestHeader,
        address_of: Callable[[int], str],
        id_of: Callable[[int], LogId],
        context: ConsumerContext,
    ) -> None:
        self._header, self._context = header, context
        self._address_of, self._id_of = address_of, id_of
        self._counted: dict[str, MessageToCount] = {}
        """Messages that this owner counted and that have no outcome yet."""

    async def mark(self, deliveries: Sequence[WindowDelivery]) -> None:
        """Count the deliveries of an open window. Give its result to each one beyond a cap. Raise SealingError."""
        within = await self._count([each.index for each in deliveries])
        for each in deliveries:
            if within is not None and self._id_of(each.index) not in within:
                each.result = _CAPPED

    async def note_logs(self, logs: Sequence[Log]) -> None:
        """Count the messages no longer that were certainly not sent, as their stored logs say.

        Count those that a previous owner may have sent, because it may not have counted them. A crash before this
        leaves a message as it was, and so does a delivery that ends without another try.
        """
        interrupted = [index_of(log.id) for log in logs if log.reason is Reason.INTERRUPTED]
        if interrupted:
            with suppress(SealingError):
                await self._count(interrupted)
        if not self._counted:
            return
        ended = [(log, message) for log in logs if (message := self._counted.pop(log.id, None))]
        unsent = [message for log, message in ended if log.outcome in NOT_SENT]
        if unsent:
            counters = self._context.ledger.message_counters
            await self._context.retry_until_available("count of messages", counters.take_back, unsent)

    async def _count(self, indices: Collection[int]) -> set[str] | None:
        """Count deliveries. Return those within the caps, or None without caps. Raise SealingError."""
        tenant = await current_tenant(self._header.tenant_id, self._context)
        caps = tenant.settings.caps.of(self._header.category)
        if not indices or caps == RecipientCaps():
            return None
        key = await self._open_key(tenant.key)
        await self._context.turn_budget.wait(ADDRESS_WEIGHT * len(indices))
        found = key.counters_of(self._header.channel, self._header.category, map(self._address_of, indices))
        messages = [MessageToCount(each, self._id_of(at)) for each, at in zip(found, indices, strict=True)]
        counters = self._context.ledger.message_counters
        within = await self._context.retry_until_available("count of messages", counters.count, messages, caps)
        self._counted |= {each.delivery: each for each in messages if each.delivery in within}
        return within

    async def _open_key(self, known: StoredTenantKey | None) -> MessageCounterKey:
        """Open the key of the tenant. The first message that counts creates it. Raise SealingError."""
        tenant_id, sealer, ledger = self._header.tenant_id, self._context.sealer, self._context.ledger
        if known is None:
            known = await self._context.retry_until_available(
                "key of a tenant", get_or_create_key, ledger.tenants, tenant_id, sealer, ledger.now()
            )
        return MessageCounterKey(open_tenant_key(known, tenant_id, sealer))
