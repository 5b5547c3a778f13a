"""Receipts of the kind `twilio`: status callbacks, and the events of a sink of Event Streams.

Status callbacks: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
Events: https://www.twilio.com/docs/events/event-types/messaging/outbound-message
Signature: https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import base64
import hmac
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from providers.receipts.callback_codes import error_code
from providers.receipts.callback_forms import has_json, read_form, read_query
from providers.receipts.callback_times import iso_moment
from providers.receipts.callback_values import id_of, inner, occurred_at, read_objects, shown_code, text_of
from providers.receipts.path_secret import check_path_secret
from providers.receipts.receipt_format import (
    Callback,
    ForeignCallbackError,
    ReceiptEntry,
    UnreadableCallbackError,
    UnsignedCallbackError,
    VendorReceipt,
)
from providers.receipts.receipt_table import ReceiptMeaning, ReceiptTable
from schemas.receipts import ReceiptClass, ReceiptStatus

TABLE = ReceiptTable(
    vendor="twilio",
    page="https://www.twilio.com/docs/messaging/api/message-resource#message-status-values",
    statuses={
        **dict.fromkeys(("accepted", "scheduled", "queued", "sending", "sent"), ReceiptMeaning(ReceiptStatus.SENT)),
        **dict.fromkeys(("delivered", "read"), ReceiptMeaning(ReceiptStatus.DELIVERED)),
        **dict.fromkeys(("undelivered", "failed", "canceled"), ReceiptMeaning(ReceiptStatus.FAILED)),
    },
)
"""Statuses of an outbound message. An error of ERRORS gives a failed one its class."""

ERRORS = ReceiptTable(
    vendor="twilio",
    page="https://www.twilio.com/docs/api/errors",
    statuses={
        **dict.fromkeys(
            ("21211", "21265", "21268", "21614", "21635", "30005", "30006"),
            ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE),
        ),
        # 30004 may be an opt-out, a list of the country, or a handset that is away. Twilio does not say which.
        **dict.fromkeys(("30003", "30004"), ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE)),
        "21610": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.OPT_OUT),
    },
)
"""Errors that say something about the recipient. All others, such as a filtered text (30007), have no class."""

_SIGNATURE = "x-twilio-signature"
_SETTINGS = "x-twilio-webhooks-signature-settings"
"""Header of a callback that is signed with a shared key: https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys"""
_HASHES = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_MAX_SETTINGS = 500
_PORTS = {"http": "80", "https": "443"}
_ORIGIN = re.compile(r"(https?)://([^/?#:]+)(:[0-9]{1,5})?")


class TwilioReceiptEntry(ReceiptEntry):
    """Keys for the callbacks of an account of Twilio."""

    kind: Literal["twilio"]
    account_sid: str = Field(
        pattern=r"^AC[0-9a-fA-F]{32}$", description="SID of the account whose messages are reported"
    )
    auth_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        max_length=200,
        description="auth token of the account. It can send, so that a shared key is the better choice.",
    )
    shared_key: SecretStr | None = Field(
        default=None,
        min_length=16,
        max_length=200,
        description="secret of the shared key with which Twilio signs the callbacks, instead of auth_token",
    )
    max_age_seconds: int = Field(
        default=300, ge=1, le=604_800, description="has no effect, because Twilio signs no time stamp"
    )

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.auth_token is None and self.shared_key is None:
            raise ValueError("auth_token or shared_key must be given")
        return self


class TwilioReceipts:
    """Callbacks of one account of Twilio."""

    def __init__(self, entry: TwilioReceiptEntry) -> None:
        self._entry = entry

    async def check(self, callback: Callback) -> str | None:
        """Check the secret of the path, if there is one, the signature and the account."""
        check_path_secret(self._entry, callback)
        key, name = self._key(callback)
        try:
            fields = [] if has_json(callback) else read_form(callback.body)
            body_hash = read_query(callback.url).get("bodySHA256", "")
        except UnreadableCallbackError as error:
            raise UnsignedCallbackError(str(error)) from None
        given = callback.headers.get(_SIGNATURE, "").encode("utf-8", "replace")
        digests = [hmac.digest(key, text.encode(), name) for text in signed_texts(callback.url, fields)]
        is_signed = any(hmac.compare_digest(base64.b64encode(digest), given) for digest in digests)
        if has_json(callback):
            is_signed &= hmac.compare_digest(sha256(callback.body).hexdigest().encode(), body_hash.encode())
        if not is_signed:
            raise UnsignedCallbackError("X-Twilio-Signature is missing or wrong")
        self._check_account(callback, fields)
        return None

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return the receipt of a status callback, or those of the events of a sink."""
        if has_json(callback):
            events = [inner(event, "data") for event in read_objects(callback.body)]
            return [receipt for data in events for receipt in _receipts_of_event(data, callback.received_at)]
        fields = dict(read_form(callback.body))
        message_id, status = id_of(fields.get("MessageSid")), fields.get("MessageStatus")
        if message_id is None or not status:
            raise UnreadableCallbackError("MessageSid or MessageStatus is missing")
        delivery_id = id_of(read_query(callback.url).get("delivery_id"))
        receipt = _receipt(message_id, status, fields.get("ErrorCode"), callback.received_at)
        return [receipt._replace(delivery_id=delivery_id)]

    def _key(self, callback: Callback) -> tuple[bytes, str]:
        """Return the key and the hash of the signature. Raises UnsignedCallbackError if the entry has no such key."""
        settings = callback.headers.get(_SETTINGS, "")[:_MAX_SETTINGS]
        secret = self._entry.shared_key if settings else self._entry.auth_token
        named = dict(part.strip().partition("=")[::2] for part in settings.split(","))
        name = _HASHES.get(named.get("algorithm", "HMAC_SHA1"))
        if secret is None or name is None:
            raise UnsignedCallbackError(
                f"{'shared_key' if settings else 'auth_token'} is not set, or the hash is unknown"
            )
        return secret.get_secret_value().encode(), name

    def _check_account(self, callback: Callback, fields: Sequence[tuple[str, str]]) -> None:
        """Raise ForeignCallbackError for a callback that is not about the account of the entry."""
        if not has_json(callback):
            accounts: set[Any] = {value for name, value in fields if name == "AccountSid"} or {None}
        else:
            try:
                events = read_objects(callback.body)
            except UnreadableCallbackError:
                return  # The signature is right, and `read` says what is wrong.
            accounts = {
                text_of(account) for event in events if (account := inner(event, "data", "accountSid")) is not None
            }
        if accounts - {self._entry.account_sid}:
            raise ForeignCallbackError("AccountSid is missing or is that of another account")


def signed_texts(url: str, fields: Sequence[tuple[str, str]]) -> list[str]:
    """Return the texts that Twilio may have signed: the URL without and with its port, and the sorted fields.

    Twilio's own libraries try both. A name that is given several times is signed with each different value once.
    """
    values: dict[str, set[str]] = {}
    for name, value in fields:
        values.setdefault(name, set()).add(value)
    parameters = "".join(f"{name}{value}" for name in sorted(values) for value in sorted(values[name]))
    return [address + parameters for address in _addresses(url)]


def _addresses(url: str) -> Iterator[str]:
    origin = _ORIGIN.match(url)
    if origin is None:
        yield url
        return
    scheme, host, port = origin.groups()
    for suffix in ("", port or f":{_PORTS[scheme]}"):
        yield f"{scheme}://{host}{suffix}{url[origin.end() :]}"


def _receipts_of_event(data: object, received_at: datetime) -> Iterator[VendorReceipt]:
    """Yield the receipt of an event, or none for an event that is not about an outbound message."""
    message_id, status, error = id_of(inner(data, "messageSid")), inner(data, "messageStatus"), inner(data, "errorCode")
    if message_id is not None and isinstance(status, str) and status:
        moment = occurred_at(iso_moment(inner(data, "timestamp")), received_at)
        yield _receipt(message_id, status.lower(), error, moment)


def _receipt(message_id: str, status: str, error: object, moment: datetime) -> VendorReceipt:
    """Return a receipt without the number. The id is that of one message, and Twilio may leave out digits of a number.

    See https://www.twilio.com/docs/messaging/features/message-redaction.
    """
    meaning = TABLE.meaning(status)
    code = error_code(error) if meaning.status is ReceiptStatus.FAILED else ""
    return VendorReceipt(
        meaning.status,
        shown_code(code or status),
        moment,
        message_id=message_id,
        receipt_class=ERRORS.meaning(code).receipt_class,
    )
