"""Port of the receipts that match no log yet. They are tried again for a day."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

FIRST_PAUSE = timedelta(seconds=2)
"""Time until a receipt is tried for the second time. A window writes its logs soon after its calls."""
LONGEST_PAUSE = timedelta(hours=1)
"""Maximum time between two tries of a receipt."""
_GROWTH = 4


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
