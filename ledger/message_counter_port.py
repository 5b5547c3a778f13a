"""Port of the message counters: how many messages recipients got, across requests and processes."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from schemas.tenant_settings import RecipientCaps


class MessageToCount(NamedTuple):
    """Message to a recipient."""

    counter: str
    """Counter of an address and a category (`ledger.message_counter_key`)."""
    delivery: str
    """Log id."""


class MessageCounters(Protocol):
    """Counters of the messages to recipients, one document for each address of a tenant, channel and category."""

    async def count(self, messages: Sequence[MessageToCount], caps: RecipientCaps) -> set[str]:
        """Count messages, at most one for each counter. Return the deliveries that are within the caps.

        All processes together never count more than the caps. A repeat counts nothing twice.
        """

    async def take_back(self, messages: Collection[MessageToCount]) -> None:
        """Count messages no longer, because they were certainly not sent."""
