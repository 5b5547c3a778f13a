"""Callbacks of the generic format (docs/receipts.md)."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from cli.simulator.signing.signed_call import JSON, CallbackKeys, ReceiptOutcome, SignedCall, SimulatedReceipt
from providers.receipts.generic import SIGNATURE_HEADER, GenericReceiptEntry, sign
from schemas.receipts import ReceiptClass

CODES: dict[ReceiptOutcome, tuple[str, str, ReceiptClass | None]] = {
    ReceiptOutcome.SENT: ("sent", "sent", None),
    ReceiptOutcome.DELIVERED: ("delivered", "delivered", None),
    ReceiptOutcome.UNDELIVERED: ("failed", "undelivered", None),
    ReceiptOutcome.HARD_BOUNCE: ("failed", "hard_bounce", ReceiptClass.HARD_BOUNCE),
    ReceiptOutcome.SOFT_BOUNCE: ("failed", "soft_bounce", ReceiptClass.SOFT_BOUNCE),
    ReceiptOutcome.COMPLAINT: ("delivered", "complaint", ReceiptClass.COMPLAINT),
    ReceiptOutcome.OPT_OUT: ("failed", "opt_out", ReceiptClass.OPT_OUT),
}
"""Status, code and class of each outcome."""


class GenericSigner:
    """Gateway of the operator."""

    def __init__(self, keys: CallbackKeys) -> None:
        self._keys = keys

    def sign(self, receipts: Sequence[SimulatedReceipt], at: datetime) -> SignedCall:
        """Return a call with all receipts."""
        body = orjson.dumps({"receipts": [_report(receipt) for receipt in receipts]})
        signature = sign(self._keys.key, int(at.timestamp()), body)
        return SignedCall(self._keys.url, {**JSON, SIGNATURE_HEADER: signature}, body)


def entry(keys: CallbackKeys) -> GenericReceiptEntry:
    """Return the entry of the producer that accepts the calls."""
    return GenericReceiptEntry.model_validate({"kind": "simulator", "provider": "simulator", "signing_key": keys.key})


def _report(receipt: SimulatedReceipt) -> dict[str, object]:
    status, code, receipt_class = CODES[receipt.outcome]
    return {
        "delivery_id": receipt.delivery_id,
        "message_id": receipt.message_id,
        "recipient": receipt.to,
        "status": status,
        "code": code,
        "class": receipt_class,
        "occurred_at": receipt.at,
    }
