"""Delivery status notifications (RFC 3464, and RFC 6533 for addresses beyond ASCII)."""

import re
from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

from providers.bounces.mail_parts import MAX_VALUE, MailPart
from providers.bounces.receipt_tables import delivery_meaning, status_code
from providers.receipts.receipt_table import ReceiptMeaning

REPORT_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})

MAX_RECIPIENTS = 20
"""Maximum number of recipients that are read of a report. An e-mail of rollcall has one, and its copies."""

_BLANK_LINES = re.compile(rb"\r?\n(?:[ \t]*\r?\n)+")
_WORD = re.compile("[a-z]{1,20}")
_HEADER_PARSER = BytesHeaderParser()


class RecipientReport(NamedTuple):
    """Report about one recipient."""

    meaning: ReceiptMeaning
    code: str
    """Code of the server, or the word of the report if it has no code."""
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
    code = status_code(short_value(fields, "Status"), short_value(fields, "Diagnostic-Code"))
    return RecipientReport(
        delivery_meaning(word[0], code),
        code or word[0],
        addresses_of(fields, "Original-Recipient", "Final-Recipient"),
        short_value(fields, "Last-Attempt-Date"),
    )
