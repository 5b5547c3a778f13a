"""Tables of Vonage: statuses and errors of delivery receipts (SMS API) and of status callbacks (Messages API)."""

from providers.receipts.receipt_table import ReceiptMeaning, ReceiptTable
from schemas.receipts import ReceiptClass, ReceiptStatus

_SENT = ReceiptMeaning(ReceiptStatus.SENT)
_FAILED = ReceiptMeaning(ReceiptStatus.FAILED)
_HARD = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE)
_SOFT = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE)
_OPT_OUT = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.OPT_OUT)

SMS = ReceiptTable(
    vendor="vonage",
    page="https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts",
    statuses={
        "accepted": _SENT,
        "buffered": _SENT,
        "delivered": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "expired": _SOFT,  # the handset could not be reached for as long as the carrier tried
        "failed": _FAILED,
        "rejected": _FAILED,
        "undelivered": _FAILED,
        "unknown": _SENT,  # Vonage has sent the message on, and the carrier says nothing
    },
)
"""Statuses of a delivery receipt of the SMS API. An error of SMS_ERRORS gives a failed one its class."""

SMS_ERRORS = ReceiptTable(
    vendor="vonage",
    page="https://api.support.vonage.com/hc/en-us/articles/204014733-Vonage-SMS-Delivery-Error-Codes-and-Descriptions",
    statuses={
        "2": _SOFT,
        "3": _HARD,
        "4": _HARD,
        "5": _SOFT,
        "7": _SOFT,
        "9": _OPT_OUT,
        "12": _SOFT,
        "14": _SOFT,
        "15": _SOFT,
    },
)
"""Values of `err-code` that say something about the recipient."""

MESSAGES = ReceiptTable(
    vendor="vonage",
    page="https://developer.vonage.com/en/messages/concepts/messages-status-callbacks",
    statuses={
        "submitted": _SENT,
        "delivered": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "read": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "rejected": _FAILED,
        "undeliverable": _FAILED,
    },
)
"""Statuses of a callback of the Messages API. An error of MESSAGES_ERRORS gives a failed one its class."""

MESSAGES_ERRORS = ReceiptTable(
    vendor="vonage",
    page="https://developer.vonage.com/en/api-errors/messages",
    statuses={
        "1170": _HARD,
        "1180": _SOFT,
        "1190": _HARD,
        "1200": _SOFT,
        "1220": _SOFT,
        "1240": _OPT_OUT,
        "1260": _SOFT,
        "1280": _SOFT,
        "1290": _SOFT,
    },
)
"""Values of `error.title` that say something about the recipient."""
