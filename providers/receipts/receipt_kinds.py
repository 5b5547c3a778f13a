"""Table of the kinds of providers whose callbacks with receipts rollcall can check and read."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from providers.bounces.bounce_entry import BounceCallbacks, BounceEntry
from providers.bounces.receipt_tables import ACTIONS, FAILURES, FEEDBACK
from providers.receipts import aliyun, generic, mailgun, sendgrid, ses, tencent, twilio, vonage
from providers.receipts.receipt_format import ReceiptEntry, ReceiptFormat
from providers.receipts.receipt_table import ReceiptTable

_Entry = TypeVar("_Entry", bound=ReceiptEntry)


class ReceiptKind(NamedTuple):
    """Model of a kind's entry in the settings, the format that is built from it, and its tables."""

    entry: type[ReceiptEntry]
    build: Callable[[Any], ReceiptFormat]
    tables: tuple[ReceiptTable, ...]
    """Meanings of the statuses and codes of the vendor."""


def _kind(entry: type[_Entry], build: Callable[[_Entry], ReceiptFormat], *tables: ReceiptTable) -> ReceiptKind:
    """Return a kind. The type checker compares its entry and its class here."""
    return ReceiptKind(entry, build, tables)


RECEIPT_KINDS = {
    "simulator": _kind(generic.GenericReceiptEntry, generic.GenericReceipts, generic.TABLE),
    "http": _kind(generic.GenericReceiptEntry, generic.GenericReceipts, generic.TABLE),
    "smtp": _kind(BounceEntry, BounceCallbacks, ACTIONS, FAILURES, FEEDBACK),
    "aliyun": _kind(aliyun.AliyunReceiptEntry, aliyun.AliyunReceipts, aliyun.TABLE),
    "tencent": _kind(tencent.TencentReceiptEntry, tencent.TencentReceipts, tencent.TABLE),
    "twilio": _kind(twilio.TwilioReceiptEntry, twilio.TwilioReceipts, twilio.TABLE, twilio.ERRORS),
    "vonage": _kind(vonage.VonageReceiptEntry, vonage.VonageReceipts, *vonage.TABLES),
    "ses": _kind(ses.SesReceiptEntry, ses.SesReceipts, ses.TABLE),
    "sendgrid": _kind(sendgrid.SendgridReceiptEntry, sendgrid.SendgridReceipts, sendgrid.TABLE),
    "mailgun": _kind(mailgun.MailgunReceiptEntry, mailgun.MailgunReceipts, mailgun.TABLE),
}
"""Kinds by their `kind` in the settings. A kind of providers that is not here has no receipts."""
