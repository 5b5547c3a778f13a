"""Webhooks of Mailgun. providers/receipts/mailgun.py names the pages."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

import orjson

from cli.simulator.signing.signed_call import JSON, CallbackKeys, ReceiptOutcome, SignedCall, SimulatedReceipt
from providers.receipts.mailgun import MailgunReceiptEntry

CODES: dict[ReceiptOutcome, dict[str, object]] = {
    ReceiptOutcome.SENT: {"event": "accepted"},
    ReceiptOutcome.DELIVERED: {"event": "delivered"},
    ReceiptOutcome.UNDELIVERED: {"event": "rejected"},
    ReceiptOutcome.HARD_BOUNCE: {"event": "failed", "severity": "permanent", "reason": "bounce"},
    ReceiptOutcome.SOFT_BOUNCE: {"event": "failed", "severity": "permanent", "reason": "generic"},
    ReceiptOutcome.COMPLAINT: {"event": "complained"},
    ReceiptOutcome.OPT_OUT: {"event": "unsubscribed"},
}
"""Event of each outcome, with what tells it apart."""


class MailgunSigner:
    """Account of Mailgun. Its account is the domain."""

    def __init__(self, keys: CallbackKeys) -> None:
        self._keys = keys

    def sign(self, receipts: Sequence[SimulatedReceipt], at: datetime) -> SignedCall:
        """Return the call about one message, with a token that no other call has."""
        (receipt,) = receipts
        stamp, token = str(int(at.timestamp())), secrets.token_hex(25)
        event = {
            **CODES[receipt.outcome],
            "timestamp": receipt.at.timestamp(),
            "domain": {"name": self._keys.account},
            "message": {"headers": {"message-id": receipt.message_id}},
            "recipient": receipt.to,
            "user-variables": {"delivery_id": receipt.delivery_id},
        }
        digest = hmac.digest(self._keys.key.encode(), f"{stamp}{token}".encode(), "sha256")
        signature = {"timestamp": stamp, "token": token, "signature": digest.hex()}
        return SignedCall(self._keys.url, dict(JSON), orjson.dumps({"signature": signature, "event-data": event}))


def entry(keys: CallbackKeys) -> MailgunReceiptEntry:
    """Return the entry of the producer that accepts the calls."""
    return MailgunReceiptEntry.model_validate(
        {
            "kind": "mailgun",
            "provider": "simulator",
            "signing_key": keys.key,
            "path_secret": keys.path_secret,
            "domain": keys.account,
        }
    )
