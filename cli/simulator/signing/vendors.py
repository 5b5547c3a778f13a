"""Table of the formats in which the simulator can report."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from cli.simulator.signing import chinese_vendors, generic, mailgun, sendgrid, ses, twilio, vonage
from cli.simulator.signing.signed_call import CallbackKeys, CallbackSigner, ReceiptOutcome
from providers.receipts.callback_values import MAX_RECEIPTS
from providers.receipts.receipt_format import ReceiptEntry
from schemas.statuses import Channel


class ReceiptsFormat(StrEnum):
    """Format of the callbacks."""

    SIMULATOR = "simulator"
    """The generic format."""
    TWILIO = "twilio"
    VONAGE = "vonage"
    ALIYUN = "aliyun"
    TENCENT = "tencent"
    SENDGRID = "sendgrid"
    MAILGUN = "mailgun"
    SES = "ses"


class VendorFormat(NamedTuple):
    """Callbacks of one vendor."""

    build: Callable[[CallbackKeys], CallbackSigner]
    entry: Callable[[CallbackKeys], ReceiptEntry]
    """Entry of the producer that accepts the calls. Raises ValueError for wrong keys."""
    outcomes: Collection[ReceiptOutcome]
    """Outcomes that the vendor reports."""
    channels: frozenset[Channel]
    max_receipts: int = 1
    """Maximum number of receipts of one call."""
    random_key: Callable[[], str] | None = lambda: secrets.token_hex(32)
    """Function that returns the key of a new account. None if the vendor signs nothing."""

    def forged(self, keys: CallbackKeys) -> CallbackKeys:
        """Return the keys of a forger, who knows the account and the URL, but not the key or the path secret."""
        if self.random_key is None:
            return keys.with_path_secret(secrets.token_hex(32))
        return replace(keys, key=self.random_key())


_SMS = frozenset({Channel.SMS})
_MAIL = frozenset({Channel.EMAIL})

VENDORS = {
    ReceiptsFormat.SIMULATOR: VendorFormat(
        generic.GenericSigner, generic.entry, generic.CODES, _SMS | _MAIL, MAX_RECEIPTS
    ),
    ReceiptsFormat.TWILIO: VendorFormat(twilio.TwilioSigner, twilio.entry, twilio.CODES, _SMS),
    ReceiptsFormat.VONAGE: VendorFormat(vonage.VonageSigner, vonage.entry, vonage.CODES, _SMS),
    ReceiptsFormat.ALIYUN: VendorFormat(
        chinese_vendors.aliyun_signer,
        chinese_vendors.aliyun_entry,
        chinese_vendors.ALIYUN_CODES,
        _SMS,
        MAX_RECEIPTS,
        None,
    ),
    ReceiptsFormat.TENCENT: VendorFormat(
        chinese_vendors.tencent_signer,
        chinese_vendors.tencent_entry,
        chinese_vendors.TENCENT_CODES,
        _SMS,
        MAX_RECEIPTS,
        None,
    ),
    ReceiptsFormat.SENDGRID: VendorFormat(
        sendgrid.SendgridSigner, sendgrid.entry, sendgrid.CODES, _MAIL, MAX_RECEIPTS, sendgrid.random_key
    ),
    ReceiptsFormat.MAILGUN: VendorFormat(mailgun.MailgunSigner, mailgun.entry, mailgun.CODES, _MAIL),
    ReceiptsFormat.SES: VendorFormat(ses.SesSigner, ses.entry, ses.CODES, _MAIL, random_key=ses.random_key),
}
"""Formats by their name, which is that of a kind of `[[receipts]]`."""
