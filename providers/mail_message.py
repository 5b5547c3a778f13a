"""A message as the bytes of an e-mail; pure.

The headers are written here rather than by EmailMessage, whose folding turns a long URL into encoded words that no mail
client undoes. What could start another header is refused before.
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
    """The message would break the mail: a line break in a header, characters that are none. Shows nothing of it."""


class UnusableAddressError(ValueError):
    """The address cannot stand in an SMTP command. Shows nothing of it."""


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """One e-mail, ready to be handed over."""

    path: str
    """The recipient's address as RCPT TO names it."""
    needs_utf8: bool
    """Whether the path can only be written with SMTPUTF8 (RFC 6531)."""
    message_id: str
    """Without its angle brackets."""
    content: bytes
    """Headers and body, CRLF at each line's end."""

    def __repr__(self) -> str:
        return f"Mail({self.message_id})"


def compose(message: Message, sender: str, list_unsubscribe: str | None, now: datetime) -> Mail:
    """Write the e-mail; raises UnusableContentError or UnusableAddressError."""
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
    """The address, which core/address has normalised; only what could end it within a command is refused."""
    local, _, domain = address.rpartition("@")
    if not local or not domain or NOT_IN_ADDRESS.search(local) or NOT_IN_ADDRESS.search(domain):
        raise UnusableAddressError
    return address


def _subject(subject: str) -> str:
    """Folded, and in encoded words (RFC 2047) where it is not ASCII."""
    charset = "us-ascii" if subject.isascii() else "utf-8"
    try:
        return Header(subject, charset, header_name="Subject").encode(linesep="\r\n")
    except UnicodeError:
        raise UnusableContentError from None


def _body(message: Message) -> EmailMessage:
    """The content with its own headers: plain text, or HTML with a text part before it."""
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
    """Base64 where a control character could not travel otherwise; None: what is shorter."""
    return "base64" if _NOT_IN_TEXT.search(text) else None
