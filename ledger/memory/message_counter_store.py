"""Message counters in memory."""

from collections.abc import Collection, Sequence

from typing_extensions import override

from core.message_caps import count_message
from ledger.memory.store import Store
from ledger.message_counter_port import MessageCounters, MessageToCount
from schemas.tenant_settings import RecipientCaps


class MemoryMessageCounters(MessageCounters):
    """Message counters in memory."""

    def __init__(self, store: Store) -> None:
        self._store, self._counted = store, store.counted_messages

    @override
    async def count(self, messages: Sequence[MessageToCount], caps: RecipientCaps) -> set[str]:
        within = set()
        for counter, delivery in messages:
            counted = count_message(self._counted.get(counter, ()), delivery, caps, self._store.clock())
            if counted is not None:
                self._counted[counter] = counted
                within.add(delivery)
        return within

    @override
    async def take_back(self, messages: Collection[MessageToCount]) -> None:
        for counter, delivery in messages:
            left = tuple(each for each in self._counted.get(counter, ()) if each.delivery != delivery)
            self._counted[counter] = left
