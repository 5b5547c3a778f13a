"""Composition of an e-mail as bytes, without I/O.

This module writes the headers instead of EmailMessage. Its folding turns a long URL into encoded words that no mail
client decodes. Text that could start another header is refused first.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from core.render import html_to_text
from core.send_result import Message
from providers.sender_address import BREAKS, NOT_IN_ADDRESS, split_sender

_POLICY = SMTP.clone(cte_type="7bit")  # a server need not offer 8BITMIME
_NOT_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class UnusableContentError(ValueError):
    """Error for text that would break the e-mail: a line break in a header, or a lone surrogate. It shows no text."""


class UnusableAddressError(ValueError):
    """Error for an address that is not valid in an SMTP command. It does not show the address."""


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """E-mail that is ready to be sent."""

    path: str
    """Address of the recipient for RCPT TO."""
    needs_utf8: bool
    """True if the path requires SMTPUTF8 (RFC 6531)."""
    message_id: str
    """Value of Message-ID, without its angle brackets."""
    content: bytes
    """Headers and body, with CRLF at the end of each line."""

    def __repr__(self) -> str:
        return f"Mail({self.message_id})"


def compose(message: Message, sender: str, list_unsubscribe: str | None, now: datetime) -> Mail:
    """Compose the e-mail. Raises UnusableContentError or UnusableAddressError."""
    from_header, from_address = split_sender(sender)
    if BREAKS.search(message.to) or BREAKS.search(message.subject or "") or BREAKS.search(message.id):
        raise UnusableContentError
    path = _path(message.to)
    message_id = f"{message.id}@{from_address.rpartition('@')[2]}"
    lines = [
        f"From: {from_header}",
        f"To: {path}",
        f"Subject: {_subject(message.subject or '')}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{message_id}>",
    ]
    if list_unsubscribe:
        lines.append(f"List-Unsubscribe: <{list_unsubscribe}>")
        if list_unsubscribe.startswith("https:"):  # RFC 8058 section 3.1: one click needs an HTTPS URI
            lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    try:
        head = "".join(f"{line}\r\n" for line in lines).encode()
        content = head + _body(message).as_bytes()
    except UnicodeError:  # a lone surrogate
        raise UnusableContentError from None
    return Mail(path, not path.isascii(), message_id, content)


def _path(address: str) -> str:
    """Return the address, which core/addresses has normalised. Refuse characters that could end it in a command."""
    local, _, domain = address.rpartition("@")
    if not local or not domain or NOT_IN_ADDRESS.search(local) or NOT_IN_ADDRESS.search(domain):
        raise UnusableAddressError
    return address


def _subject(subject: str) -> str:
    """Return the folded subject, in encoded words (RFC 2047) if it is not ASCII."""
    charset = "us-ascii" if subject.isascii() else "utf-8"
    try:
        return Header(subject, charset, header_name="Subject").encode(linesep="\r\n")
    except UnicodeError:
        raise UnusableContentError from None


def _body(message: Message) -> EmailMessage:
    """Return the content with its own headers: plain text, or HTML after a text part."""
    body = EmailMessage(policy=_POLICY)
    if message.is_html:
        _set(body, html_to_text(message.text))
        body.add_alternative(message.text, subtype="html", cte=_encoding(message.text))
    else:
        _set(body, message.text)
    return body


def _set(body: EmailMessage, text: str) -> None:
    body.set_content(text, cte=_encoding(text))


def _encoding(text: str) -> str | None:
    """Return base64 if the text has control characters that need it, or None for the shorter encoding."""
    return "base64" if _NOT_IN_TEXT.search(text) else None
