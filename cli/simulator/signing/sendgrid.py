"""Events of the signed event webhook of SendGrid. providers/receipts/sendgrid.py names the pages."""

import base64
from collections.abc import Sequence
from datetime import datetime

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from cli.simulator.signing.signed_call import JSON, CallbackKeys, ReceiptOutcome, SignedCall, SimulatedReceipt
from providers.receipts.sendgrid import SendgridReceiptEntry

CODES: dict[ReceiptOutcome, dict[str, str]] = {
    ReceiptOutcome.SENT: {"event": "deferred"},
    ReceiptOutcome.DELIVERED: {"event": "delivered"},
    ReceiptOutcome.UNDELIVERED: {"event": "dropped"},
    ReceiptOutcome.HARD_BOUNCE: {"event": "bounce", "type": "bounce", "status": "5.1.1"},
    ReceiptOutcome.SOFT_BOUNCE: {"event": "bounce", "type": "blocked", "status": "4.7.1"},
    ReceiptOutcome.COMPLAINT: {"event": "spamreport"},
    ReceiptOutcome.OPT_OUT: {"event": "unsubscribe"},
}
"""Event of each outcome, with what tells it apart."""


class SendgridSigner:
    """Account of SendGrid."""

    def __init__(self, keys: CallbackKeys) -> None:
        self._keys = keys
        self._key = _load_key(keys.key)

    def sign(self, receipts: Sequence[SimulatedReceipt], at: datetime) -> SignedCall:
        """Return a call with an event for each receipt."""
        body, stamp = orjson.dumps([_event(receipt) for receipt in receipts]), str(int(at.timestamp()))
        signature = self._key.sign(stamp.encode() + body, ECDSA(SHA256()))
        headers = {
            **JSON,
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        }
        return SignedCall(self._keys.url, headers, body)


def entry(keys: CallbackKeys) -> SendgridReceiptEntry:
    """Return the entry of the producer that accepts the calls. Raises ValueError for a key that is not one."""
    public = _load_key(keys.key).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SendgridReceiptEntry.model_validate(
        {"kind": "sendgrid", "provider": "simulator", "public_key": base64.b64encode(public).decode()}
    )


def random_key() -> str:
    """Return the private key of a new account."""
    key = generate_private_key(SECP256R1())
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


def _load_key(text: str) -> EllipticCurvePrivateKey:
    try:
        key = load_der_private_key(base64.b64decode(text, validate=True), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return key
    raise ValueError("must be a private key of the curve P-256: the base64 of its PKCS #8 in DER")


def _event(receipt: SimulatedReceipt) -> dict[str, object]:
    return {
        "email": receipt.to,
        "timestamp": int(receipt.at.timestamp()),
        "sg_message_id": f"{receipt.message_id}.simulator.0",
        "delivery_id": receipt.delivery_id,
        **CODES[receipt.outcome],
    }
