"""Port of the receipts that match no log yet. They are tried again for a day."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

FIRST_PAUSE = timedelta(seconds=2)
"""Time until a receipt is tried for the second time. A window writes its logs soon after its calls."""
LONGEST_PAUSE = timedelta(hours=1)
"""Maximum time between two tries of a receipt."""
_GROWTH = 4


class MessageOrigin(NamedTuple):
    """Origin of a message id. A search reads its logs alone, because vendors do not know the ids of each other."""

    tenant_id: str | None = None
    """Tenant whose own provider tells. None: a provider of the installation."""
    provider: str | None = None
    """Name of a provider of the installation. None: any. The logs of a tenant are read whatever their provider is."""

    def may_have(self, tenant_id: str, provider: str | None) -> bool:
        """Return whether the search reads the logs of this tenant and provider."""
        if self.tenant_id is not None:
            return tenant_id == self.tenant_id
        return self.provider in {None, provider}


ANY_ORIGIN = MessageOrigin()


class KeptReceipt(NamedTuple):
    """Receipt that is tried again."""

    id: str
    sealed: bytes
    """Record of the receipt, sealed, because the message id of a provider may show an address."""
    first_seen_at: datetime
    """Time on the clock of the server."""
    tries: int
    """Number of times that the receipt was claimed."""


class KeptReceipts(Protocol):
    """Receipts that match no log yet, one document each."""

    async def keep(self, sealed: Mapping[str, bytes]) -> None:
        """Write these receipts, by their ids. A receipt that is there already does not change."""

    async def claim_due(self, limit: int, lease_seconds: float) -> list[KeptReceipt]:
        """Claim receipts that are due, those first that are due for longest. No other process gets them meanwhile."""

    async def postpone(self, receipts: Sequence[KeptReceipt]) -> None:
        """Put claimed receipts back, until the pause after so many tries is over."""

    async def delete(self, ids: Collection[str]) -> None:
        """Delete receipts that are done."""

    async def count(self) -> int:
        """Return about how many receipts are kept. It is a cheap question."""


def pause_after(tries: int) -> timedelta:
    """Return the time until the next try of a receipt that was claimed so often. 0: it is new."""
    growth: int = _GROWTH ** min(tries, 10)
    return min(FIRST_PAUSE * growth, LONGEST_PAUSE)
