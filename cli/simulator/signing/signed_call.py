"""Port of a vendor's callbacks as the vendor makes them: receipts become a signed call."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class ReceiptOutcome(StrEnum):
    """Report of a receipt about a message."""

    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    """Failed, without a class."""
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"
    OPT_OUT = "opt_out"


@dataclass(slots=True)
class SimulatedReceipt:
    """One receipt. Its repr shows no address."""

    delivery_id: str
    message_id: str
    """Id that the simulator answered, or the Message-ID of a mail."""
    to: str = field(repr=False)
    outcome: ReceiptOutcome
    at: datetime
    """Time of what it reports."""
    attempts: int = 0
    """Number of calls that were made for it."""

    def opposite(self) -> "SimulatedReceipt":
        """Return a receipt that contradicts this one."""
        delivered = self.outcome is ReceiptOutcome.DELIVERED
        return replace(self, outcome=ReceiptOutcome.UNDELIVERED if delivered else ReceiptOutcome.DELIVERED)


@dataclass(frozen=True, slots=True)
class CallbackKeys:
    """Account of a vendor that reports. Its repr shows nothing."""

    url: str = field(repr=False)
    """Whole URL of the callback, with the path secret if there is one."""
    account: str = field(repr=False)
    key: str = field(repr=False)

    @property
    def path_secret(self) -> str:
        """Return the last segment of the URL."""
        return self.url.rpartition("/")[2]

    def with_path_secret(self, secret: str) -> "CallbackKeys":
        """Return the keys with another last segment of the URL."""
        return replace(self, url=f"{self.url.rpartition('/')[0]}/{secret}")


@dataclass(frozen=True, slots=True)
class SignedCall:
    """POST that a vendor makes. Its repr shows nothing."""

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class CallbackSigner(Protocol):
    """One account of a vendor."""

    def sign(self, receipts: Sequence[SimulatedReceipt], at: datetime) -> SignedCall:
        """Return the call with these receipts, signed at this time. Most vendors report one message in a call."""


JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
