"""Delivery status notifications (RFC 3464, and RFC 6533 for addresses beyond ASCII)."""

import re
from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

from providers.bounces.mail_parts import MAX_VALUE, MailPart
from providers.bounces.status_codes import bounce_class, status_code
from schemas.receipts import ReceiptClass, ReceiptStatus

REPORT_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})

MAX_RECIPIENTS = 20
"""Maximum number of recipients that are read of a report. An e-mail of rollcall has one, and its copies."""

_ACTIONS = {
    "delivered": ReceiptStatus.DELIVERED,
    "failed": ReceiptStatus.FAILED,
    "delayed": ReceiptStatus.SENT,  # the server has the mail, and tries again
    "relayed": ReceiptStatus.SENT,  # to a server that sends no reports
    "expanded": ReceiptStatus.SENT,  # to the members of a list
}
"""Status of each action (RFC 3464, 2.3.3)."""

_BLANK_LINES = re.compile(rb"\r?\n(?:[ \t]*\r?\n)+")
_WORD = re.compile("[a-z]{1,20}")
_HEADER_PARSER = BytesHeaderParser()


class RecipientReport(NamedTuple):
    """Report about one recipient."""

    status: ReceiptStatus
    code: str | None
    receipt_class: ReceiptClass | None
    recipients: tuple[str, ...]
    """Addresses of the recipient, as the report has them."""
    date: str
    """Date of the event, or an empty text."""


def read_delivery_report(part: MailPart) -> list[RecipientReport]:
    """Return the reports about the recipients of a part. It may be damaged."""
    groups = _BLANK_LINES.split(part.decoded().strip(b"\r\n"), MAX_RECIPIENTS + 1)[: MAX_RECIPIENTS + 1]
    return [report for group in groups if (report := _read_group(_HEADER_PARSER.parsebytes(group)))]


def addresses_of(fields: Message, *names: str) -> tuple[str, ...]:
    """Return the address of each field, such as `Final-Recipient: rfc822; a@example.com`."""
    return tuple(short_value(fields, name).rpartition(";")[2].strip(" <>") for name in names if name in fields)


def short_value(fields: Message, name: str) -> str:
    """Return the beginning of a value on one line, or an empty text."""
    return " ".join(str(fields.get(name, ""))[:MAX_VALUE].split())


def _read_group(fields: Message) -> RecipientReport | None:
    """Return the report of a group of fields, or None if it is about no recipient."""
    word = _WORD.match(short_value(fields, "Action").lower())
    if word is None:
        return None
    status = _ACTIONS.get(word[0], ReceiptStatus.UNRECOGNISED)
    code = status_code(short_value(fields, "Status"), short_value(fields, "Diagnostic-Code"))
    return RecipientReport(
        status,
        code or word[0],
        bounce_class(code or "") if status is ReceiptStatus.FAILED else None,
        addresses_of(fields, "Original-Recipient", "Final-Recipient"),
        short_value(fields, "Last-Attempt-Date"),
    )
