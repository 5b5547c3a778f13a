"""Mails as Amazon SES takes them: one alone, or several as one template whose variables are their texts.

Fields are those of https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html (one mail) and
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html (several mails).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.addresses.mailbox import split_mailbox
from core.json_bytes import json_bytes
from core.send_result import Failed, Message
from providers.bulk_headers import BulkHeaders
from providers.draft import UnsendableError
from providers.mail_headers import mailbox_words
from providers.sender_address import BREAKS
from schemas.statuses import Category, Reason

MAX_DATA_CHARACTERS = 262_144
"""Maximum size of the texts of one mail as JSON, in a call with several mails.

SES does not say how it counts. Units of UTF-16 are never fewer than characters, and at most 3 bytes each.

Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ReplacementTemplate.html
"""
MAX_SHARED_BYTES = 850_000
"""Maximum size of all texts in a call with several mails, in bytes.

The call may have 1 MB (https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html). The rest is for 50
addresses with their tags and headers, of less than 3 kB each.
"""
MAX_MAIL_BYTES = 30_000_000
"""Maximum size of the texts of a mail, in bytes. In base64 they are a third larger, and a mail may have 40 MB.

Source: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
"""
MAX_HEADER = 996
"""Maximum length of the name and the value of a header.

Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html
"""


@dataclass(frozen=True, slots=True, repr=False)
class SesMail:
    """Message as SES takes it."""

    message: Message
    texts: Mapping[str, str]
    """`Subject`, `Text`, and `Html` of a mail in HTML."""
    data: str
    """The texts as JSON, for a call with several mails. Empty if the mail must have a call of its own."""
    size: int
    """Size of `data` in such a call, in bytes."""
    headers: Sequence[Mapping[str, str]]

    @property
    def destination(self) -> dict[str, list[str]]:
        """Return the addresses of the mail."""
        to = {"ToAddresses": [self.message.to]}
        return {**to, "CcAddresses": list(self.message.cc)} if self.message.cc else to

    @property
    def tags(self) -> list[dict[str, str]]:
        """Return the tags that the events of the mail will have."""
        return [{"Name": "delivery_id", "Value": self.message.id}]


def encode_mail(message: Message, bulk_headers: BulkHeaders) -> SesMail:
    """Return the message as SES takes it. Raise UnsendableError for one that SES would refuse."""
    _check_addresses(message)
    texts = {"Subject": message.subject or "", "Text": message.plain_text() if message.is_html else message.text}
    if message.is_html:
        texts["Html"] = message.text
    if BREAKS.search(texts["Subject"]):
        raise UnsendableError(Failed(Reason.INVALID_CONTENT, "control character in the subject"))
    if sum(len(text.encode()) for text in texts.values()) > MAX_MAIL_BYTES:
        raise UnsendableError(Failed(Reason.TOO_LONG, "larger than a mail of SES may be"))
    data = json_bytes(texts).decode()
    may_be_shared = not message.cc and len(data.encode("utf-16-le")) // 2 <= MAX_DATA_CHARACTERS
    size = len(json_bytes(data))
    return SesMail(message, texts, data if may_be_shared else "", size, _headers(message, bulk_headers))


def single_body(mail: SesMail) -> dict[str, Any]:
    """Return the fields of SendEmail that concern the mail."""
    parts = {name: {"Data": text, "Charset": "UTF-8"} for name, text in mail.texts.items()}
    subject = parts.pop("Subject")
    return {
        "Destination": mail.destination,
        "Content": {"Simple": {"Subject": subject, "Body": parts, "Headers": mail.headers}},
        "EmailTags": mail.tags,
    }


def bulk_body(mails: Sequence[SesMail]) -> dict[str, Any]:
    """Return the fields of SendBulkEmail that concern the mails.

    SES replaces each variable of the template by its value, and changes nothing in it
    (https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html). A mail whose values are `{}` gets
    those of the template (https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html).
    """
    first = mails[0]
    same = all(mail.data == first.data for mail in mails)
    template = {name: "{{" + name + "}}" for name in first.texts}
    return {
        "DefaultContent": {"Template": {"TemplateContent": template, "TemplateData": first.data if same else "{}"}},
        "BulkEmailEntries": [
            {
                "Destination": mail.destination,
                "ReplacementTags": mail.tags,
                "ReplacementEmailContent": {
                    "ReplacementTemplate": {"ReplacementTemplateData": "{}" if same else mail.data}
                },
                "ReplacementHeaders": mail.headers,
            }
            for mail in mails
        ],
    }


def encode_mailbox(text: str) -> str:
    """Return `address` or `Name <address>` with a name beyond ASCII as encoded words, which SES does not make.

    Source: https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
    """
    return " ".join(mailbox_words("From", *split_mailbox(text)))


def _headers(message: Message, bulk_headers: BulkHeaders) -> list[dict[str, str]]:
    """Return the headers for List-Unsubscribe. Raise UnsendableError.

    If they are too long, a transactional e-mail has none, as everywhere.
    """
    headers = bulk_headers.fields(message)
    if any(len(name) + len(value) > MAX_HEADER for name, value in headers.items()):
        if message.category is Category.MARKETING:
            raise UnsendableError(Failed(Reason.INVALID_CONTENT, "list_unsubscribe: longer than a header may be"))
        return []
    return [{"Name": name, "Value": value} for name, value in headers.items()]


def _check_addresses(message: Message) -> None:
    """Raise UnsendableError for an address beyond ASCII.

    Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html
    """
    if not message.to.isascii():
        raise UnsendableError(Failed(Reason.INVALID_RECIPIENT, "address beyond ASCII"))
    if not all(map(str.isascii, (*message.cc, split_mailbox(message.reply_to or "")[1]))):
        raise UnsendableError(Failed(Reason.REJECTED, "cc or reply_to beyond ASCII"))
