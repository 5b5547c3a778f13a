"""Composition of an e-mail as bytes, without I/O. Text that could start another header is refused first."""

from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

from core.addresses.mailbox import split_mailbox
from core.render import MissingVariable, RenderError
from core.send_result import Message
from providers.bulk_headers import BulkHeaders
from providers.mail_body import encode_body
from providers.mail_headers import HeaderTooLongError, fold, mailbox_words, text_header
from providers.sender_address import BREAKS, PATH, split_sender


class UnusableContentError(ValueError):
    """Error for text that would break the e-mail: a line break in a header, or a lone surrogate. It shows no text."""


class UnusableAddressError(ValueError):
    """Error for an address that is not valid in an SMTP command. It does not show the address."""


class Mail(NamedTuple):
    """E-mail that is ready to be sent. A tuple, because one is made for each delivery."""

    path: str
    """Address of the recipient for RCPT TO."""
    cc_paths: tuple[str, ...]
    """Addresses of the copies for RCPT TO."""
    needs_utf8: bool
    """True if an address requires SMTPUTF8 (RFC 6531)."""
    message_id: str
    """Value of Message-ID, without its angle brackets."""
    content: bytes
    """Headers and body, with CRLF at the end of each line."""

    def __repr__(self) -> str:
        return f"Mail({self.message_id})"


def compose(message: Message, sender: str, bulk_headers: BulkHeaders, now: datetime) -> Mail:
    """Compose the e-mail. Raises UnusableContentError or UnusableAddressError.

    Raises core.render.MissingVariable if a marketing e-mail lacks a variable of List-Unsubscribe.
    """
    from_header, from_address = _from(sender)
    texts = (message.to, message.subject or "", message.id, message.reply_to or "", *message.cc)
    if BREAKS.search(" ".join(texts)):
        raise UnusableContentError
    paths = tuple(map(_path, (message.to, *message.cc)))
    message_id = f"{message.id}@{from_address.rpartition('@')[2]}"
    try:
        lines = [
            from_header,
            *_address_headers(paths, message.reply_to),
            text_header("Subject", message.subject or ""),
            _date(now.replace(microsecond=0)),
            f"Message-ID: <{message_id}>",  # never folded, because some servers lose an id on a second line
            *bulk_headers.lines(message),
        ]
        head = "".join(f"{line}\r\n" for line in lines).encode()
        body = encode_body(message.plain_text(), message.text) if message.is_html else encode_body(message.text)
        content = head + body
    except MissingVariable:
        raise
    except (UnicodeError, HeaderTooLongError, RenderError):  # a lone surrogate, or a URI of a thousand characters
        raise UnusableContentError from None
    # Names and subjects are encoded, so that any other octet beyond ASCII is part of an address.
    return Mail(paths[0], paths[1:], not head.isascii(), message_id, content)


@lru_cache(maxsize=64)
def _from(sender: str) -> tuple[str, str]:
    """Return the header and the address of a sender, which all e-mails of a provider share."""
    name, address = split_sender(sender)
    return fold("From", mailbox_words("From", name, address)), address


@lru_cache(maxsize=2)
def _date(second: datetime) -> str:
    return f"Date: {format_datetime(second)}"


def _address_headers(paths: tuple[str, ...], reply_to: str | None) -> list[str]:
    to, *cc = paths
    headers = [fold("To", (to,))]
    if cc:
        headers.append(fold("Cc", (*(f"{path}," for path in cc[:-1]), cc[-1])))
    if reply_to is not None:
        name, address = split_mailbox(reply_to)
        headers.append(fold("Reply-To", mailbox_words("Reply-To", name, _path(address))))
    return headers


def _path(address: str) -> str:
    """Return the address, which core/addresses has normalised. Refuse characters that could end it in a command."""
    if not PATH.fullmatch(address):
        raise UnusableAddressError
    return address
