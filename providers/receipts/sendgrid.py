"""Receipts of the kind `sendgrid`: batches of events of the signed event webhook.

Events: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
Signature: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

import base64
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import Field, field_validator

from providers.receipts.callback_times import unix_moment
from providers.receipts.callback_values import (
    address_of,
    check_age,
    id_of,
    occurred_at,
    read_objects,
    shown_code,
    text_of,
)
from providers.receipts.path_secret import check_path_secret
from providers.receipts.receipt_format import Callback, ReceiptEntry, UnsignedCallbackError, VendorReceipt
from providers.receipts.receipt_table import ReceiptMeaning, ReceiptTable
from schemas.receipts import ReceiptClass, ReceiptStatus

TABLE = ReceiptTable(
    vendor="sendgrid",
    page="https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",
    statuses={
        "delivered": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "deferred": ReceiptMeaning(ReceiptStatus.SENT),  # SendGrid tries again, for 72 hours
        "bounce": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE),
        "bounce:blocked": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE),
        "bounce:expired": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE),
        "blocked": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE),
        "dropped": ReceiptMeaning(ReceiptStatus.FAILED),
        "dropped:bounced_address": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE),
        "dropped:invalid": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE),
        "dropped:spam_reporting_address": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.COMPLAINT),
        "dropped:unsubscribed_address": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.OPT_OUT),
        # A mail that the recipient reports or answers with an opt-out has arrived.
        "spamreport": ReceiptMeaning(ReceiptStatus.DELIVERED, ReceiptClass.COMPLAINT),
        "unsubscribe": ReceiptMeaning(ReceiptStatus.DELIVERED, ReceiptClass.OPT_OUT),
        "group_unsubscribe": ReceiptMeaning(ReceiptStatus.DELIVERED, ReceiptClass.OPT_OUT),
    },
    no_receipts=frozenset({"processed", "open", "click", "group_resubscribe", "account_status_change"}),
)
"""Events by name. A bounce is here by its type as well, and a dropped mail by its reason."""

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_DETAILS = {"bounce": "type", "dropped": "reason"}
"""Events with a field that tells them apart."""
_MAX_DETAIL = 100
_NO_WORD = re.compile("[^a-z0-9]+")


class SendgridReceiptEntry(ReceiptEntry):
    """Key for the event webhook of an account of SendGrid."""

    kind: Literal["sendgrid"]
    public_key: str = Field(
        max_length=1_000, description="verification key of the signed event webhook, as SendGrid shows it (base64)"
    )
    max_age_seconds: int = Field(
        default=90_000,
        ge=1,
        le=604_800,
        description="maximum age of a signed time stamp, in seconds. SendGrid repeats a call for 24 hours.",
    )

    @field_validator("public_key")
    @classmethod
    def _public_key(cls, value: str) -> str:
        try:
            is_key = isinstance(key := _load_key(value), EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
        except (ValueError, UnsupportedAlgorithm):
            is_key = False
        if not is_key:
            raise ValueError("must be the verification key of the signed event webhook, in base64 without other lines")
        return value


class SendgridReceipts:
    """Event webhook of one account of SendGrid."""

    def __init__(self, entry: SendgridReceiptEntry) -> None:
        self._entry = entry
        self._key = _load_key(entry.public_key)

    async def check(self, callback: Callback) -> str | None:
        """Check the secret of the path, if there is one, the signature and its age."""
        check_path_secret(self._entry, callback)
        stamp = callback.headers.get(_TIMESTAMP, "")
        signed_at = unix_moment(stamp)
        if signed_at is None:
            raise UnsignedCallbackError("X-Twilio-Email-Event-Webhook-Timestamp is missing, or is not a Unix time")
        try:
            signature = base64.b64decode(callback.headers.get(_SIGNATURE, ""), validate=True)
            self._key.verify(signature, stamp.encode() + callback.body, ECDSA(SHA256()))
        except (ValueError, InvalidSignature):
            raise UnsignedCallbackError("X-Twilio-Email-Event-Webhook-Signature is missing or wrong") from None
        check_age(signed_at, callback, self._entry.max_age_seconds)
        return None

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return the receipts of the events. Raises UnreadableCallbackError."""
        events = read_objects(callback.body)
        return [receipt for event in events for receipt in _receipts(event, callback.received_at)]


def _load_key(text: str) -> Any:
    return load_der_public_key(base64.b64decode(text, validate=True))


def _receipts(event: dict[str, Any], received_at: datetime) -> Iterator[VendorReceipt]:
    """Yield the receipt of an event, or none for one that is not about the delivery of a message.

    The id that SendGrid answered to the call is the part of `sg_message_id` before the first dot:
    https://github.com/sendgrid/sendgrid-nodejs/issues/412.
    """
    name, delivery_id = text_of(event.get("event")), id_of(event.get("delivery_id"))
    message_id = (id_of(event.get("sg_message_id")) or "").partition(".")[0] or None
    if name in TABLE.no_receipts or (message_id is None and delivery_id is None):
        return
    code = _code(name, event)
    meaning = TABLE.meaning(code)
    moment = occurred_at(unix_moment(event.get("timestamp")), received_at)
    recipient = address_of(event.get("email"))
    yield VendorReceipt(
        meaning.status, shown_code(code), moment, delivery_id, message_id, recipient, meaning.receipt_class
    )


def _code(name: str, event: dict[str, Any]) -> str:
    """Return the name of an event, with its detail if the table has it. Another detail may be any text."""
    detail = text_of(event.get(_DETAILS.get(name, "")))[:_MAX_DETAIL].lower()
    code = f"{name}:{_NO_WORD.sub('_', detail).strip('_')}"
    return code if code in TABLE.statuses else name
