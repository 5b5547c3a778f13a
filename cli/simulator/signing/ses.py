"""Events of Amazon SES in messages of Amazon SNS. providers/receipts/ses.py names the pages.

The certificate is not one of Amazon. A producer downloads certificates from Amazon only, and refuses the messages. A
test gives `SesReceipts` another download, from the simulator.
"""

import base64
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import orjson
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from cryptography.x509.oid import NameOID

from cli.simulator.signing.signed_call import CallbackKeys, ReceiptOutcome, SignedCall, SimulatedReceipt
from providers.receipts.ses import SesReceiptEntry

CERTIFICATE_PATH = "/SimpleNotificationService-simulator.pem"
"""Path of the certificate at the simulator, and at SNS in `SigningCertURL`."""

CODES: dict[ReceiptOutcome, tuple[str, dict[str, object]]] = {
    ReceiptOutcome.SENT: ("Send", {}),
    ReceiptOutcome.DELIVERED: ("Delivery", {}),
    ReceiptOutcome.UNDELIVERED: ("Reject", {"reason": "Bad content"}),
    ReceiptOutcome.HARD_BOUNCE: ("Bounce", {"bounceType": "Permanent", "bounceSubType": "General"}),
    ReceiptOutcome.SOFT_BOUNCE: ("Bounce", {"bounceType": "Transient", "bounceSubType": "General"}),
    ReceiptOutcome.COMPLAINT: ("Complaint", {"complaintFeedbackType": "abuse"}),
    ReceiptOutcome.OPT_OUT: ("Subscription", {"newTopicPreferences": {"unsubscribeAll": True}}),
}
"""Event of each outcome, with what tells it apart."""

_VALID = timedelta(days=30)
_SIGNED = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")


class SesSigner:
    """Topic of Amazon SNS. Its account is the ARN."""

    def __init__(self, keys: CallbackKeys) -> None:
        self._keys = keys
        self._key = _load_key(keys.key)
        _, _, _, region, *_ = keys.account.split(":")
        self._certificate_url = f"https://sns.{region}.amazonaws.com{CERTIFICATE_PATH}"
        self.certificate = _certificate(self._key)
        """Certificate of the key, as PEM."""

    def sign(self, receipts: Sequence[SimulatedReceipt], at: datetime) -> SignedCall:
        """Return the notification about one message."""
        (receipt,) = receipts
        message = {
            "Type": "Notification",
            "MessageId": str(uuid.uuid4()),
            "TopicArn": self._keys.account,
            "Message": orjson.dumps(_event(receipt)).decode(),
            "Timestamp": _moment(at),
        }
        content = "".join(f"{name}\n{message[name]}\n" for name in _SIGNED)
        signature = self._key.sign(content.encode(), PKCS1v15(), SHA256())
        message |= {
            "SignatureVersion": "2",
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": self._certificate_url,
        }
        headers = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification"}
        return SignedCall(self._keys.url, headers, orjson.dumps(message))


def entry(keys: CallbackKeys) -> SesReceiptEntry:
    """Return the entry of the producer that accepts the calls. Raises ValueError for a key that is not one."""
    _load_key(keys.key)
    return SesReceiptEntry.model_validate({"kind": "ses", "provider": "simulator", "topic_arns": [keys.account]})


def random_key() -> str:
    """Return the private key of a new topic."""
    key = generate_private_key(public_exponent=65_537, key_size=2_048)
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


def _load_key(text: str) -> RSAPrivateKey:
    try:
        key = load_der_private_key(base64.b64decode(text, validate=True), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, RSAPrivateKey):
        return key
    raise ValueError("must be a private key of RSA: the base64 of its PKCS #8 in DER")


def _certificate(key: RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rollcall simulator")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    signed = builder.not_valid_before(now - _VALID).not_valid_after(now + _VALID).sign(key, SHA256())
    return signed.public_bytes(Encoding.PEM)


def _event(receipt: SimulatedReceipt) -> dict[str, object]:
    name, detail = CODES[receipt.outcome]
    return {
        "eventType": name,
        name.lower(): {"timestamp": _moment(receipt.at), **detail},
        "mail": {
            "timestamp": _moment(receipt.at),
            "messageId": receipt.message_id,
            "destination": [receipt.to],
            "tags": {"delivery_id": [receipt.delivery_id]},
        },
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
