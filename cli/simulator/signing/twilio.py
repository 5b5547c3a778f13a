"""Status callbacks of Twilio. providers/receipts/twilio.py names the pages."""

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from cli.simulator.signing.signed_call import FORM, CallbackKeys, ReceiptOutcome, SignedCall, SimulatedReceipt
from providers.receipts.twilio import TwilioReceiptEntry, signed_texts

CODES = {
    ReceiptOutcome.SENT: ("sent", ""),
    ReceiptOutcome.DELIVERED: ("delivered", ""),
    ReceiptOutcome.UNDELIVERED: ("undelivered", "30008"),
    ReceiptOutcome.HARD_BOUNCE: ("undelivered", "30005"),
    ReceiptOutcome.SOFT_BOUNCE: ("undelivered", "30003"),
    ReceiptOutcome.OPT_OUT: ("failed", "21610"),
}
"""Status and error of each outcome."""


class TwilioSigner:
    """Account of Twilio."""

    def __init__(self, keys: CallbackKeys) -> None:
        self._keys = keys

    def sign(self, receipts: Sequence[SimulatedReceipt], _at: datetime) -> SignedCall:
        """Return the call about one message. Twilio signs no time."""
        (receipt,) = receipts
        status, error = CODES[receipt.outcome]
        fields = {
            "MessageSid": receipt.message_id,
            "MessageStatus": status,
            "AccountSid": self._keys.account,
            "To": receipt.to,
            "ApiVersion": "2010-04-01",
            **({"ErrorCode": error} if error else {}),
        }
        url = f"{self._keys.url}?delivery_id={quote(receipt.delivery_id, safe='')}"
        signed = signed_texts(url, list(fields.items()))[0]
        digest = hmac.digest(self._keys.key.encode(), signed.encode(), "sha1")
        headers = {**FORM, "X-Twilio-Signature": base64.b64encode(digest).decode()}
        return SignedCall(url, headers, urlencode(fields).encode())


def entry(keys: CallbackKeys) -> TwilioReceiptEntry:
    """Return the entry of the producer that accepts the calls."""
    return TwilioReceiptEntry.model_validate(
        {"kind": "twilio", "provider": "simulator", "account_sid": keys.account, "auth_token": keys.key}
    )
