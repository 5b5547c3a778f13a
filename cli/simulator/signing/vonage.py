"""Delivery receipts of Vonage's SMS API, with signed parameters. providers/receipts/vonage.py names the pages."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from cli.simulator.signing.signed_call import FORM, CallbackKeys, ReceiptOutcome, SignedCall, SimulatedReceipt
from providers.receipts.vonage import VonageReceiptEntry, signed_text

CODES = {
    ReceiptOutcome.SENT: ("buffered", "0"),
    ReceiptOutcome.DELIVERED: ("delivered", "0"),
    ReceiptOutcome.UNDELIVERED: ("failed", "1"),
    ReceiptOutcome.HARD_BOUNCE: ("undelivered", "3"),
    ReceiptOutcome.SOFT_BOUNCE: ("undelivered", "2"),
    ReceiptOutcome.OPT_OUT: ("rejected", "9"),
}
"""Status and `err-code` of each outcome."""


class VonageSigner:
    """Account of Vonage whose signature method is the HMAC of SHA-256."""

    def __init__(self, keys: CallbackKeys) -> None:
        self._keys = keys

    def sign(self, receipts: Sequence[SimulatedReceipt], at: datetime) -> SignedCall:
        """Return the call about one message."""
        (receipt,) = receipts
        status, error = CODES[receipt.outcome]
        fields = {
            "msisdn": receipt.to.removeprefix("+"),
            "messageId": _without_separators(receipt.message_id),
            "client-ref": _without_separators(receipt.delivery_id),
            "status": status,
            "err-code": error,
            "message-timestamp": receipt.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "api-key": self._keys.account,
            "timestamp": str(int(at.timestamp())),
            "nonce": secrets.token_hex(16),
        }
        digest = hmac.digest(self._keys.key.encode(), signed_text(dict(fields)).encode(), "sha256")
        return SignedCall(self._keys.url, dict(FORM), urlencode({**fields, "sig": digest.hex().upper()}).encode())


def _without_separators(value: str) -> str:
    """Return a value without the two signs that Vonage's signature cannot tell from `_`."""
    return value.replace("&", "_").replace("=", "_")


def entry(keys: CallbackKeys) -> VonageReceiptEntry:
    """Return the entry of the producer that accepts the calls."""
    return VonageReceiptEntry.model_validate(
        {"kind": "vonage", "provider": "simulator", "api_key": keys.account, "signature_secret": keys.key}
    )
