"""Receipts of the kind `mailgun`: webhooks with one event each.

Events: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads
Signature: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
"""

import hmac
import re
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, SecretStr

from providers.receipts.callback_times import unix_moment
from providers.receipts.callback_values import (
    address_of,
    check_age,
    id_of,
    inner,
    occurred_at,
    read_object,
    shown_code,
    text_of,
)
from providers.receipts.path_secret import SecretPathEntry, check_path_secret
from providers.receipts.receipt_format import (
    Callback,
    ForeignCallbackError,
    UnreadableCallbackError,
    UnsignedCallbackError,
    VendorReceipt,
)
from providers.receipts.receipt_table import ReceiptMeaning, ReceiptTable
from schemas.receipts import ReceiptClass, ReceiptStatus

TABLE = ReceiptTable(
    vendor="mailgun",
    page="https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads",
    statuses={
        "accepted": ReceiptMeaning(ReceiptStatus.SENT),
        "delivered": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "complained": ReceiptMeaning(ReceiptStatus.DELIVERED, ReceiptClass.COMPLAINT),
        "unsubscribed": ReceiptMeaning(ReceiptStatus.DELIVERED, ReceiptClass.OPT_OUT),
        "rejected": ReceiptMeaning(ReceiptStatus.FAILED),
        "temporary": ReceiptMeaning(ReceiptStatus.SENT),
        "permanent": ReceiptMeaning(ReceiptStatus.FAILED),
        "permanent.bounce": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE),
        "permanent.delayed-bounce": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE),
        "permanent.suppress-bounce": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE),
        "permanent.suppress-complaint": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.COMPLAINT),
        "permanent.suppress-unsubscribe": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.OPT_OUT),
        "permanent.generic": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE),
        "permanent.old": ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE),
        "permanent.espblock": ReceiptMeaning(ReceiptStatus.FAILED),
    },
    no_receipts=frozenset({"opened", "clicked", "stored"}),
)
"""Events by name. An event `failed` is here by its severity, or by its severity and its reason."""

_TIME = re.compile(r"[0-9]{1,11}")
_TOKEN = re.compile(r"[A-Za-z0-9]{16,100}")


class MailgunReceiptEntry(SecretPathEntry):
    """Keys for the webhooks of an account of Mailgun."""

    kind: Literal["mailgun"]
    signing_key: SecretStr = Field(
        min_length=16,
        max_length=200,
        description="HTTP webhook signing key of the account, as Mailgun's console shows it",
    )
    domain: str | None = Field(
        default=None, max_length=253, description="only domain whose events are taken. Unset: each of the account."
    )
    max_age_seconds: int = Field(
        default=30_600,
        ge=1,
        le=604_800,
        description="maximum age of a signed time stamp, in seconds. Mailgun repeats a webhook for 8 hours.",
    )


class MailgunReceipts:
    """Webhooks of one account of Mailgun."""

    def __init__(self, entry: MailgunReceiptEntry) -> None:
        self._entry = entry
        self._key = entry.signing_key.get_secret_value().encode()
        self._domain = entry.domain.lower() if entry.domain else None

    async def check(self, callback: Callback) -> str | None:
        """Check the secret of the path, the signature and the domain. Return the token, which counts once only.

        The signature covers the time stamp and the token, but not the event.
        """
        check_path_secret(self._entry, callback)
        try:
            content = read_object(callback.body)
        except UnreadableCallbackError:
            raise UnsignedCallbackError("body has no signature") from None
        stamp, token, given = (_part(content, name) for name in ("timestamp", "token", "signature"))
        if not _TIME.fullmatch(stamp) or not _TOKEN.fullmatch(token):
            raise UnsignedCallbackError("body has no signature")
        expected = hmac.digest(self._key, f"{stamp}{token}".encode(), "sha256").hex()
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise UnsignedCallbackError("signature is wrong")
        check_age(datetime.fromtimestamp(int(stamp), UTC), callback, self._entry.max_age_seconds)
        domain = inner(content, "event-data", "domain", "name")
        if self._domain and isinstance(domain, str) and domain.lower() != self._domain:
            raise ForeignCallbackError("event is of another domain")
        return token

    def read(self, callback: Callback) -> list[VendorReceipt]:
        """Return the receipt of the event, or none for an opened mail or a click."""
        event = inner(read_object(callback.body), "event-data")
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise UnreadableCallbackError("event-data is missing")
        if event["event"] in TABLE.no_receipts:
            return []
        message_id = id_of(text_of(inner(event, "message", "headers", "message-id")).strip("<>"))
        delivery_id = id_of(inner(event, "user-variables", "delivery_id"))
        if message_id is None and delivery_id is None:
            raise UnreadableCallbackError("event-data has no id of a message")
        code, meaning = _meaning(event)
        return [
            VendorReceipt(
                meaning.status,
                code,
                occurred_at(unix_moment(event.get("timestamp")), callback.received_at),
                delivery_id,
                message_id,
                address_of(event.get("recipient")),
                meaning.receipt_class,
            )
        ]


def _part(content: dict[str, Any], name: str) -> str:
    """Return a field of the signature. The time stamp is a number on Mailgun's page, and a text in its examples."""
    value = inner(content, "signature", name)
    return str(value) if isinstance(value, int) else text_of(value)


def _meaning(event: dict[str, Any]) -> tuple[str, ReceiptMeaning]:
    """Return the code and the meaning of an event. The code of a failure has the reason and the status of SMTP."""
    name = text_of(event["event"])
    if name != "failed":
        return shown_code(name), TABLE.meaning(name)
    severity, reason = text_of(event.get("severity")), text_of(event.get("reason"))
    status = inner(event, "delivery-status", "code")
    code = ".".join(part for part in (reason, str(status) if isinstance(status, int) else "") if part)
    return shown_code(code), TABLE.meaning(f"{severity}.{reason}", severity)
