"""Tables of a vendor's statuses and what they say about a delivery."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.receipts import ReceiptClass, ReceiptStatus


class ReceiptMeaning(NamedTuple):
    """Meaning of a vendor's status."""

    status: ReceiptStatus
    receipt_class: ReceiptClass | None = None


UNRECOGNISED = ReceiptMeaning(ReceiptStatus.UNRECOGNISED)


@dataclass(frozen=True, slots=True)
class ReceiptTable:
    """Meanings of a vendor's statuses, as its own page gives them."""

    vendor: str
    page: str
    """URL of the vendor's page of statuses."""
    statuses: Mapping[str, ReceiptMeaning]
    no_receipts: frozenset[str] = frozenset()
    """Statuses that say nothing about the delivery, such as an opened mail."""

    def meaning(self, *statuses: str) -> ReceiptMeaning:
        """Return the meaning of the first status that the table has. The most exact one comes first."""
        return next((self.statuses[status] for status in statuses if status in self.statuses), UNRECOGNISED)
