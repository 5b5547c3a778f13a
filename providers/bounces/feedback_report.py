"""Reports of complaints (ARF, RFC 5965)."""

from email.parser import BytesHeaderParser
from typing import NamedTuple

from providers.bounces.delivery_report import RecipientReport, addresses_of, short_value
from providers.bounces.mail_parts import MailPart
from providers.bounces.receipt_tables import FEEDBACK

FEEDBACK_TYPE = "message/feedback-report"


class Complaint(NamedTuple):
    """Complaint about one e-mail."""

    report: RecipientReport
    return_path: str
    """Envelope sender of the e-mail as the report has it, or an empty text."""


def read_feedback_report(part: MailPart) -> Complaint | None:
    """Return the complaint of a part, or None if it is another feedback."""
    fields = BytesHeaderParser().parsebytes(part.decoded().lstrip(b"\r\n"))
    kind = short_value(fields, "Feedback-Type").lower()
    if kind not in FEEDBACK.statuses:
        return None
    recipients = addresses_of(fields, "Original-Rcpt-To", "Removal-Recipient")
    report = RecipientReport(FEEDBACK.meaning(kind), kind, recipients, "")
    return Complaint(report, short_value(fields, "Original-Mail-From"))
