"""Messages of Amazon SNS to an HTTPS endpoint, and the part of them that is signed.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. A message of a subscription with
raw message delivery has no signature, so that it cannot be accepted.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from providers.receipts.callback_values import read_object, text_of
from providers.receipts.receipt_format import UnreadableCallbackError, UnsignedCallbackError

TOPIC_ARN = r"^arn:aws(-cn|-us-gov)?:sns:[a-z0-9-]{1,40}:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"

NOTIFICATION = "Notification"
SUBSCRIPTION = "SubscriptionConfirmation"
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(
        (SUBSCRIPTION, "UnsubscribeConfirmation"),
        ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
"""Signed fields by the type of the message, in the order in which they are signed."""
_OPTIONAL = "Subject"
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303  # SNS's default
_MAX_SIGNATURE = 1_024
_MAX_QUERY = 4_096
_MIN_KEY_BITS = 2_048
_TOPIC = re.compile(TOPIC_ARN)
_CERTIFICATE = re.compile(r"SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """Message with the form of one of SNS. Nothing in it may be believed before `verify` has returned."""

    type: str
    topic_arn: str
    signed_at: datetime
    certificate_url: str
    subscribe_url: str
    signature: bytes
    algorithm: hashes.HashAlgorithm
    content: bytes
    """Content that is signed."""

    def verify(self, certificate: x509.Certificate, at: datetime) -> None:
        """Raise UnsignedCallbackError if the signature is wrong, or if the certificate is not valid at a time."""
        try:
            if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
                raise UnsignedCallbackError("certificate is expired or not valid yet")
            key = certificate.public_key()
            if not isinstance(key, RSAPublicKey) or key.key_size < _MIN_KEY_BITS:
                raise UnsignedCallbackError(f"certificate has no RSA key of at least {_MIN_KEY_BITS} bits")
            key.verify(self.signature, self.content, PKCS1v15(), self.algorithm)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            raise UnsignedCallbackError("signature is wrong") from None

    @property
    def confirms_topic(self) -> bool:
        """Return whether the URL of a subscription is at SNS in the topic's region, and confirms this topic."""
        base, _, query = self.subscribe_url.partition("?")
        fields = parse_qsl(query) if len(query) <= _MAX_QUERY else []
        wanted = [("Action", "ConfirmSubscription"), ("TopicArn", self.topic_arn)]
        return base == f"https://{_sns_host(self.topic_arn)}/" and all(fields.count(field) == 1 for field in wanted)


def parse_sns_message(body: bytes) -> SnsMessage:
    """Return the message of a body. Raises UnsignedCallbackError for any other body."""
    try:
        fields = read_object(body)
    except UnreadableCallbackError:
        raise UnsignedCallbackError("body is not a message of SNS") from None
    topic_arn = text_of(fields.get("TopicArn"))
    algorithm = _HASHES.get(text_of(fields.get("SignatureVersion")))
    if not _TOPIC.fullmatch(topic_arn) or algorithm is None:
        raise UnsignedCallbackError("TopicArn or SignatureVersion is missing or not known")
    return SnsMessage(
        text_of(fields.get("Type")),
        topic_arn,
        _signed_at(text_of(fields.get("Timestamp"))),
        _certificate_url(text_of(fields.get("SigningCertURL")), topic_arn),
        text_of(fields.get("SubscribeURL")),
        _signature(text_of(fields.get("Signature"))),
        algorithm,
        _signed_content(fields),
    )


def _sns_host(topic_arn: str) -> str:
    """Return the host of SNS in the region of a topic."""
    _, partition, _, region, *_ = topic_arn.split(":")
    return f"sns.{region}.amazonaws.com{'.cn' if partition == 'aws-cn' else ''}"


def _certificate_url(url: str, topic_arn: str) -> str:
    """Return the URL of the certificate. Raise UnsignedCallbackError unless it is at SNS in the topic's region."""
    base = f"https://{_sns_host(topic_arn)}/"
    if not url.startswith(base) or not _CERTIFICATE.fullmatch(url.removeprefix(base)):
        raise UnsignedCallbackError("SigningCertURL is not at SNS in the region of the topic")
    return url


def _signed_at(text: str) -> datetime:
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise UnsignedCallbackError("Timestamp is missing or wrong")


def _signature(text: str) -> bytes:
    """Return the signature. Only the one encoding of its bytes is accepted."""
    try:
        signature = b64decode(text, validate=True) if len(text) <= _MAX_SIGNATURE else b""
    except ValueError:
        signature = b""
    if not signature or b64encode(signature).decode() != text:
        raise UnsignedCallbackError("Signature is missing or not in base64")
    return signature


def _signed_content(fields: dict[str, Any]) -> bytes:
    """Return the names and values of the signed fields, each followed by a line feed."""
    names = _SIGNED.get(text_of(fields.get("Type")), ())
    names = tuple(name for name in names if name != _OPTIONAL or fields.get(name) is not None)
    if not names or not all(isinstance(fields.get(name), str) for name in names):
        raise UnsignedCallbackError("Type or another signed field is missing")
    return "".join(f"{name}\n{fields[name]}\n" for name in names).encode()
