"""Topic of Amazon SNS: it signs messages as SNS does, with a certificate of its own."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID

from providers.receipts.receipt_format import CallbackUnavailableError

SIGNED_AT = datetime(2026, 11, 30, 11, 59, 40, tzinfo=UTC)
"""Time of each message, unless it is told."""
TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:mail-events"
HOST = "https://sns.eu-west-1.amazonaws.com/"
CERTIFICATE_URL = f"{HOST}SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"
SUBSCRIBE_URL = f"{HOST}?Action=ConfirmSubscription&TopicArn={TOPIC_ARN}&Token=2336412f37"
NOTIFICATION_FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION_FIELDS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def a_certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = KEY,
    begins: datetime = SIGNED_AT - timedelta(days=1),
    ends: datetime = SIGNED_AT + timedelta(days=1),
) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def a_notification(text: str = "{}", **fields: str) -> dict[str, str]:
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC_ARN,
        "Subject": "Amazon SES Email Event Notification",
        "Message": text,
        "Timestamp": SIGNED_AT.strftime("%Y-%m-%dT%H:%M:%S.655Z"),
        **fields,
    }


def a_confirmation(**fields: str) -> dict[str, str]:
    message = {**a_notification("You have chosen to subscribe"), "Type": "SubscriptionConfirmation"}
    del message["Subject"]
    return {**message, "Token": "2336412f37", "SubscribeURL": SUBSCRIBE_URL, **fields}


def signed(
    message: dict[str, str], version: str = "2", key: rsa.RSAPrivateKey = KEY, url: str = CERTIFICATE_URL
) -> dict[str, str]:
    names = NOTIFICATION_FIELDS if message["Type"] == "Notification" else CONFIRMATION_FIELDS
    content = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    algorithm: hashes.HashAlgorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = key.sign(content.encode(), PKCS1v15(), algorithm)
    return {
        **message,
        "SignatureVersion": version,
        "Signature": b64encode(signature).decode(),
        "SigningCertURL": url,
    }


class SnsServer:
    """Files that SNS serves. It knows its own certificate and each confirmation, and refuses other URLs."""

    def __init__(self, certificate: bytes | None = None) -> None:
        self.files = {CERTIFICATE_URL: certificate or a_certificate(), SUBSCRIBE_URL: b"<ConfirmSubscriptionResponse/>"}
        self.asked: list[str] = []
        self.is_away = False

    async def fetch(self, url: str) -> bytes | None:
        self.asked.append(url)
        if self.is_away:
            raise CallbackUnavailableError
        return self.files.get(url)
