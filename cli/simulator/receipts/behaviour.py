"""Settings of the receipts that a simulator sends."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from cli.simulator.signing.signed_call import ReceiptOutcome
from cli.simulator.signing.vendors import VENDORS, ReceiptsFormat
from providers.http_client import HttpUrl
from providers.simulated_results import Rate

MAX_WAITING = 1_000_000
"""Maximum number of receipts that may wait for their time, if the operator raises the default."""


class ReceiptBehaviour(BaseModel):
    """Receipts of a simulator: where they go, what they say, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    receipts_url: HttpUrl | None = Field(default=None, repr=False)
    receipts_format: ReceiptsFormat = ReceiptsFormat.SIMULATOR
    receipts_account: str = Field(default="", max_length=320, repr=False)
    receipts_key: SecretStr = SecretStr("")
    delivered_rate: Rate = 0.97
    undelivered_rate: Rate = 0.01
    hard_bounce_rate: Rate = 0.0
    soft_bounce_rate: Rate = 0.0
    complaint_rate: Rate = 0.0
    opt_out_rate: Rate = 0.0
    receipt_delay_ms: float = Field(default=0.0, ge=0, le=86_400_000)
    receipt_jitter_ms: float = Field(default=0.0, ge=0, le=86_400_000)
    sent_receipt_rate: Rate = 0.0
    late_sent_rate: Rate = 0.0
    early_receipt_rate: Rate = 0.0
    repeated_receipt_rate: Rate = 0.0
    forged_receipt_rate: Rate = 0.0
    waiting_receipts: int = Field(default=100_000, ge=1, le=MAX_WAITING)

    @property
    def shares(self) -> dict[ReceiptOutcome, float]:
        """Return the share of messages with each outcome. All others get no receipt."""
        shares = {
            ReceiptOutcome.DELIVERED: self.delivered_rate,
            ReceiptOutcome.UNDELIVERED: self.undelivered_rate,
            ReceiptOutcome.HARD_BOUNCE: self.hard_bounce_rate,
            ReceiptOutcome.SOFT_BOUNCE: self.soft_bounce_rate,
            ReceiptOutcome.COMPLAINT: self.complaint_rate,
            ReceiptOutcome.OPT_OUT: self.opt_out_rate,
        }
        return {outcome: share for outcome, share in shares.items() if share}

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError("the sum of the rates of receipts must be at most 1")
        if self.sent_receipt_rate + self.late_sent_rate > 1 + 1e-9:
            raise ValueError("the sum of --sent-receipt-rate and --late-sent-rate must be at most 1")
        wanted = set(self.shares)
        if self.sent_receipt_rate or self.late_sent_rate:
            wanted.add(ReceiptOutcome.SENT)
        missing = sorted(wanted.difference(VENDORS[self.receipts_format].outcomes))
        if missing:
            raise ValueError(f"{self.receipts_format} has no receipt for: {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _plain_url(self) -> Self:
        if self.receipts_url is not None and "?" in self.receipts_url:
            raise ValueError("--receipts-url: must not have a query")
        return self
