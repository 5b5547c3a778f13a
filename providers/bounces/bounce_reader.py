"""Receipts from bounce mails. A mail is believed only if it has a return path that rollcall signed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import Enum

from providers.bounces.bounce_entry import BounceKey
from providers.bounces.delivery_report import REPORT_TYPES, RecipientReport, read_delivery_report, short_value
from providers.bounces.feedback_report import FEEDBACK_TYPE, read_feedback_report
from providers.bounces.mail_parts import MAX_MAIL_BYTES, MailPart, split_head, split_parts
from providers.bounces.return_path import SignedId, find_signed
from schemas.receipts import Receipt, ReceiptStatus

MAX_SIGNED = 5
"""Maximum number of signed return paths of a mail that are checked."""
MAX_AGE = timedelta(days=30)
"""Maximum age of the date in a report. An older one is a wrong clock, and the time of arrival is taken instead."""

_RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
"""Headers with the address that a mail was delivered to: of Postfix and Dovecot, of Postfix, of Exim, and of all."""
_ORIGINAL_TYPES = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
"""Types of the part with the original mail, or its headers (RFC 6522, RFC 6533)."""
_ORDER = (ReceiptStatus.DELIVERED, ReceiptStatus.FAILED, ReceiptStatus.SENT, ReceiptStatus.UNRECOGNISED)
"""Status that counts if a report has several: an alias has several mailboxes, and a mail in one of them arrived."""


class NoReceipt(Enum):
    """Reason why a mail is not a receipt."""

    OTHER = "other"
    """The mail is not a report, such as the answer of a program."""
    UNSIGNED = "unsigned"
    """The mail is a report, and no return path in it has a valid signature."""


class BounceReader:
    """Reader of bounce mails for the providers with these keys."""

    def __init__(self, keys: Sequence[BounceKey]) -> None:
        self._keys = keys

    def read(self, content: bytes, envelope_recipient: str | None, received_at: datetime) -> Receipt | NoReceipt:
        """Return the receipt of a mail, or why the mail is not one. No input raises an error."""
        mail = split_head(content[:MAX_MAIL_BYTES])
        texts = [envelope_recipient or "", *(short_value(mail.head, name) for name in _RECIPIENT_HEADERS)]
        reports: list[RecipientReport] = []
        for part in split_parts(mail):
            found, return_path = _read_part(part)
            reports += found
            texts.append(return_path)
        if not reports:
            return NoReceipt.OTHER
        signed = dict.fromkeys(signed for text in texts for signed in find_signed(text))
        for one in list(signed)[:MAX_SIGNED]:
            for provider, key in self._keys:
                if own := _reports_of(one, provider, key, reports):
                    report = min(own, key=lambda report: _ORDER.index(report.meaning.status))
                    return Receipt(
                        provider=provider,
                        delivery_id=one.delivery_id,
                        status=report.meaning.status,
                        code=report.code,
                        receipt_class=report.meaning.receipt_class,
                        occurred_at=_occurred_at(report, mail.head, received_at),
                    )
        return NoReceipt.UNSIGNED


def _reports_of(
    signed: SignedId, provider: str, key: str, reports: Sequence[RecipientReport]
) -> Sequence[RecipientReport]:
    """Return the reports about the recipient of the e-mail that the provider signed. There are none if it did not."""
    if signed.is_signed(provider, key):
        return reports
    return [report for report in reports if any(signed.is_signed(provider, key, to) for to in report.recipients)]


def _read_part(part: MailPart) -> tuple[list[RecipientReport], str]:
    """Return the reports of a part, and the text in it that may have the return path of the e-mail."""
    kind = part.content_type()
    if kind in REPORT_TYPES:
        return read_delivery_report(part), ""
    if kind == FEEDBACK_TYPE and (complaint := read_feedback_report(part)):
        return [complaint.report], complaint.return_path
    if kind in _ORIGINAL_TYPES:
        return [], short_value(split_head(part.decoded()).head, "Return-Path")
    return [], ""


def _occurred_at(report: RecipientReport, head: Message, received_at: datetime) -> datetime:
    """Return the time of the event. A time that cannot be right is replaced by the time of arrival."""
    for text in (report.date, short_value(head, "Date")):
        try:
            date = parsedate_to_datetime(text)
            date = date if date.tzinfo else date.replace(tzinfo=UTC)
            if received_at - MAX_AGE <= date <= received_at:
                return date.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return received_at
