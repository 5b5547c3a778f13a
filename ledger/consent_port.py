"""Port of the consents: which addresses of a tenant agreed to which category of messages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from core.consents import Consent, GivenConsent


class ConsentSubject(NamedTuple):
    """Address of a tenant and channel, and a category."""

    id: str
    """Made by `ledger.consent_key`."""
    sealed: bytes
    """Address, sealed with the key of the tenant. It is stored with the first record."""


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """Consent of an address to a category."""

    id: str
    sealed: bytes = field(repr=False)
    """Empty after its erasure."""
    consent: Consent


class Consents(Protocol):
    """Consents, one document for each address of a tenant, channel and category."""

    async def find_in_force(self, ids: Collection[str]) -> set[str]:
        """Return those of these ids whose consent is in force, as the primary has them."""

    async def get_many(self, ids: Collection[str]) -> dict[str, StoredConsent]:
        """Return what is recorded, as the primary has it."""

    async def record(self, consents: Sequence[tuple[ConsentSubject, GivenConsent]]) -> None:
        """Record consents. When this returns, a majority has them. A repeat changes nothing."""

    async def withdraw(self, subject: ConsentSubject, at: datetime) -> None:
        """Record a withdrawal, also of a consent that was never recorded. A repeat changes nothing."""

    async def erase_addresses(self, ids: Collection[str], at: datetime) -> int:
        """Erase the sealed addresses of consents, and withdraw them. Return the number of those that had an address.

        What was given and withdrawn stays. A repeat returns 0.
        """

    async def list_range(self, after: str, before: str, limit: int) -> list[StoredConsent]:
        """Return consents between two ids, in the order of their ids. Both are excluded."""
