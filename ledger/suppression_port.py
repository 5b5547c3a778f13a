"""Port of the suppressions: addresses of a tenant that must not be written to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple, Protocol

from core.suppressions import SuppressionEntry
from schemas.statuses import SuppressionReason

MAX_ENTRIES = 100
"""Maximum number of entries of one address of a tenant and channel. Each has another reason or scope."""

Entries = tuple[SuppressionEntry, ...]


@dataclass(frozen=True, slots=True)
class StoredSuppression:
    """Suppressions of one address of a tenant and channel."""

    id: str
    """Made from the key of the tenant, the channel and a keyed hash of the address (`core.ids.suppression_id`)."""
    sealed: bytes = field(repr=False)
    """Address, sealed with the key of the tenant. Empty after its erasure."""
    entries: Entries


class NewSuppression(NamedTuple):
    """Entry to be added to those of an address."""

    id: str
    sealed: bytes
    """Address, sealed. It is stored with the first entry."""
    entry: SuppressionEntry


class Addition(Enum):
    """Result of adding an entry."""

    ADDED = auto()
    """It is new, or an older one of its reason and scope ends later now."""
    UNCHANGED = auto()
    """There is such an entry, which ends as late."""
    FULL = auto()
    """The address has `MAX_ENTRIES` others. Nothing was changed."""


class Suppressions(Protocol):
    """Suppressions, one document for each address of a tenant and channel."""

    async def find(self, ids: Collection[str]) -> dict[str, Entries]:
        """Return the entries of these addresses, as the primary has them. One without entries is left out."""

    async def get(self, suppression_id: str) -> StoredSuppression | None:
        """Return the suppressions of an address, as the primary has them."""

    async def add(self, suppressions: Sequence[NewSuppression]) -> list[Addition]:
        """Add entries, several of one address too. Return the result of each, in order.

        When this returns, a majority has them. A repeat changes nothing.
        """

    async def remove(self, suppression_id: str, scope: str | None, reason: SuppressionReason | None) -> int:
        """Remove the entries of an address with a scope and a reason. None: with any. Return their number."""

    async def erase_address(self, suppression_id: str) -> bool:
        """Erase the sealed address of suppressions. The entries stay in force. Return whether there was one."""

    async def list_range(self, after: str, before: str, limit: int) -> list[StoredSuppression]:
        """Return suppressions between two ids, in the order of their ids. Both are excluded."""
