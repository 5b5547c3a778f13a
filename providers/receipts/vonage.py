"""Receipts of the kind `vonage`: delivery receipts of the SMS API, and status callbacks of the Messages API.

Signed parameters (SMS API): https://developer.vonage.com/en/getting-started/concepts/signing-messages
Signed JWT (Messages API): https://developer.vonage.com/en/getting-started/concepts/webhooks
"""

import hashlib
import hmac
import re
from typing import Any, Literal

import jwt
from pydantic import Field, SecretStr

from providers.receipts.callback_codes import error_code
from providers.receipts.callback_forms import MAX_FIELDS, has_json, read_form
from providers.receipts.callback_times import iso_moment, unix_moment
from providers.receipts.callback_values import check_age, id_of, inner, occurred_at, read_object, shown_code, text_of
from providers.receipts.path_secret import check_path_secret
from providers.receipts.receipt_format import (
    Callback,
    ForeignCallbackError,
    ReceiptEntry,
    UnreadableCallbackError,
    UnsignedCallbackError,
    VendorReceipt,
)
from providers.receipts.vonage_tables import MESSAGES, MESSAGES_ERRORS, SMS, SMS_ERRORS
from schemas.receipts import ReceiptStatus

TABLES = (SMS, SMS_ERRORS, MESSAGES, MESSAGES_ERRORS)

_MAX_TOKEN = 4_096
_BEARER = "bearer "
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_READ = ("messageId", "client-ref", "status", "err-code", "message-timestamp", "api-key", "timestamp")
"""Parameters of a delivery receipt that mean something here."""
_CLAIMS = ("iat", "api_key", "payload_hash")


class VonageReceiptEntry(ReceiptEntry):
    """Keys for the webhooks of an account of Vonage."""

    kind: Literal["vonage"]
    api_key: str = Field(min_length=1, max_length=100, description="key of the account whose messages are reported")
    signature_secret: SecretStr = Field(
        min_length=32,
        max_length=200,
        description="signature secret of the account, at least 32 characters. It is not the API secret.",
    )
    signature_method: Literal["md5hash", "md5", "sha1", "sha256", "sha512"] = Field(
        default="sha256",
        description="signature method of the account: md5hash, or the hash of an HMAC. It signs delivery receipts.",
    )
    max_age_seconds: int = Field(
        default=262_800,
        ge=1,
        le=604_800,
        description="maximum age of a signed time stamp, in seconds. Vonage repeats a delivery receipt for 72 hours.",
    )


class VonageReceipts:
    """Webhooks of one account of Vonage."""

    def __init__(self, entry: VonageReceiptEntry) -> None:
        self._entry = entry
        self._secret = entry.signature_secret.get_secret_value().encode()

    async def check(self, callback: Callback) -> str | None:
        """Check the secret of the path, if there is one, the signature, its age and the account.

        A callback with a token in Authorization is checked by the token, and any other one by its parameters.
        """
        check_path_secret(self._entry, callback)
        token = callback.headers.get("authorization", "")
        signed_at, account = self._check_token(token, callback.body) if token else self._check_parameters(callback)
        moment = unix_moment(signed_at)
        if moment is None:
            raise UnsignedCallbackError("time stamp is missing, or is not a Unix time")
        check_age(moment, callback, self._entry.max_age_seconds)
        if account != self._entry.api_key:
            raise ForeignCallbackError("api key is missing or is that of another account")
        return None

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return the receipt of the callback. Raises UnreadableCallbackError."""
        fields = _fields(callback)
        receipt = (
            _status_of_message(fields, callback) if "message_uuid" in fields else _delivery_receipt(fields, callback)
        )
        if receipt.message_id is None and receipt.delivery_id is None:
            raise UnreadableCallbackError("messageId or message_uuid is missing")
        return [receipt]

    def _check_token(self, header: str, body: bytes) -> tuple[object, object]:
        """Return the time and the account of a token that signs the body. Raises UnsignedCallbackError."""
        if not header.lower().startswith(_BEARER) or len(header) > _MAX_TOKEN:
            raise UnsignedCallbackError("Authorization has no token")
        options: Any = {"require": _CLAIMS, "verify_iat": False, "verify_exp": False, "verify_nbf": False}
        try:
            claims = jwt.decode(header[len(_BEARER) :], self._secret, ["HS256"], options=options)
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError, RecursionError):
            raise UnsignedCallbackError("token in Authorization is not signed with signature_secret") from None
        given = text_of(claims["payload_hash"]).lower().encode("utf-8", "replace")
        if not hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), given):
            raise UnsignedCallbackError("token in Authorization is that of another body")
        return claims["iat"], claims["api_key"]

    def _check_parameters(self, callback: Callback) -> tuple[object, object]:
        """Return the time and the account of signed parameters. Raises UnsignedCallbackError."""
        try:
            fields = _fields(callback)
        except UnreadableCallbackError as error:
            raise UnsignedCallbackError(str(error)) from None
        given = text_of(fields.pop("sig", "")).lower().encode("utf-8", "replace")
        text = signed_text(fields).encode()
        method = self._entry.signature_method
        if method == "md5hash":
            digest = hashlib.md5(text + self._secret, usedforsecurity=False).digest()
        else:
            digest = hmac.digest(self._secret, text, method)
        if not hmac.compare_digest(digest.hex().encode(), given):
            raise UnsignedCallbackError("sig is missing or wrong")
        return fields.get("timestamp"), fields.get("api-key")


def signed_text(fields: dict[str, Any]) -> str:
    """Return the text that Vonage signs: the parameters by name, with `_` for each `&` and `=` in a value.

    So these three signs are the same to the signature. A parameter that is read must have none of the two, and a name
    none of all three that could begin another parameter. Raises UnsignedCallbackError.
    """
    for name, value in fields.items():
        if not _NAME.fullmatch(name) or not isinstance(value, str | int):
            raise UnsignedCallbackError("parameter has a wrong name, or is not text")
        if name in _READ and not {"&", "="}.isdisjoint(str(value)):
            raise UnsignedCallbackError(f"{name} must not have & and =")
    return "".join(f"&{name}={str(fields[name]).replace('&', '_').replace('=', '_')}" for name in sorted(fields))


def _fields(callback: Callback) -> dict[str, Any]:
    """Return the fields of a JSON object or of a form. Raises UnreadableCallbackError."""
    if has_json(callback):
        fields = read_object(callback.body)
    else:
        pairs = read_form(callback.body)
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise UnreadableCallbackError("a parameter is given twice")
    if len(fields) > MAX_FIELDS:
        raise UnreadableCallbackError(f"body has more than {MAX_FIELDS} fields")
    return fields


def _delivery_receipt(fields: dict[str, Any], callback: Callback) -> VendorReceipt:
    """Return the receipt of the SMS API. It has no number, because the id is that of one message."""
    status = text_of(fields.get("status"))
    meaning = SMS.meaning(status)
    error = error_code(fields.get("err-code")) if meaning.status is ReceiptStatus.FAILED else ""
    return VendorReceipt(
        meaning.status,
        shown_code(error or status),
        occurred_at(iso_moment(fields.get("message-timestamp")), callback.received_at),
        id_of(fields.get("client-ref")),
        id_of(fields.get("messageId")),
        receipt_class=SMS_ERRORS.meaning(error).receipt_class or meaning.receipt_class,
    )


def _status_of_message(fields: dict[str, Any], callback: Callback) -> VendorReceipt:
    """Return the receipt of the Messages API, which an account may choose for its SMS."""
    status = text_of(fields.get("status"))
    meaning = MESSAGES.meaning(status)
    error = error_code(inner(fields, "error", "title")) if meaning.status is ReceiptStatus.FAILED else ""
    return VendorReceipt(
        meaning.status,
        shown_code(error or status),
        occurred_at(iso_moment(fields.get("timestamp")), callback.received_at),
        id_of(fields.get("client_ref")),
        id_of(fields.get("message_uuid")),
        receipt_class=MESSAGES_ERRORS.meaning(error).receipt_class,
    )
