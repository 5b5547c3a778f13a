"""Composition of an e-mail as bytes, without I/O. Text that could start another header is refused first.

What the e-mails of a request share is made once. The parts of each recipient are spliced in.
"""

from datetime import UTC, datetime
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

MAX_SHARED_HEADS = 64
"""Maximum number of heads that are remembered. One has a subject and an address, so they take less than 1 MiB."""

_BODY = "mail body"
"""Name of the body among the parts that the messages of a request share."""


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
    return_path: str | None = None
    """Envelope sender of this e-mail alone, if it has one."""

    def __repr__(self) -> str:
        return f"Mail({self.message_id})"


def compose(message: Message, sender: str, bulk_headers: BulkHeaders, now: float) -> Mail:
    """Compose the e-mail. `now` is a POSIX time. Raises UnusableContentError or UnusableAddressError.

    Raises core.render.MissingVariable if a marketing e-mail lacks a variable of List-Unsubscribe.
    """
    to = message.to
    if not PATH.fullmatch(to):
        raise _unusable(to)
    if BREAKS.search(message.id):
        raise UnusableContentError
    try:
        make_head = _make_head if message.secrets else _shared_head  # a subject may have a secret value
        shared, domain = make_head(sender, bulk_headers, message.subject, message.reply_to)
        message_id = f"{message.id}@{domain}"
        lines = [
            _date(int(now)),
            fold("To", (to,)),
            *_copies(message.cc),
            f"Message-ID: <{message_id}>",  # never folded, because some servers lose an id on a second line
            *bulk_headers.own_lines(message),
            "",
        ]
        head = shared + "\r\n".join(lines).encode()
        content = head + _body(message)
    except (MissingVariable, UnusableContentError):
        raise
    except (UnicodeError, HeaderTooLongError, RenderError):  # a lone surrogate, or a URI of a thousand characters
        raise UnusableContentError from None
    # Names and subjects are encoded, so that any other octet beyond ASCII is part of an address.
    return Mail(to, message.cc, not head.isascii(), message_id, content)


def _make_head(sender: str, bulk_headers: BulkHeaders, subject: str | None, reply_to: str | None) -> tuple[bytes, str]:
    """Return the headers that the e-mails of a request share, and the domain of the sender."""
    name, address = split_sender(sender)
    if BREAKS.search(f"{subject or ''} {reply_to or ''}"):
        raise UnusableContentError
    lines = [fold("From", mailbox_words("From", name, address))]
    if reply_to is not None:
        reply_name, reply_address = split_mailbox(reply_to)
        if not PATH.fullmatch(reply_address):
            raise UnusableAddressError
        lines.append(fold("Reply-To", mailbox_words("Reply-To", reply_name, reply_address)))
    lines += [text_header("Subject", subject or ""), *bulk_headers.fixed, "MIME-Version: 1.0", ""]
    return "\r\n".join(lines).encode(), address.rpartition("@")[2]


_shared_head = lru_cache(MAX_SHARED_HEADS)(_make_head)
"""All e-mails of a request have the same sender and Reply-To, and nearly always the same subject."""


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return f"Date: {format_datetime(datetime.fromtimestamp(second, UTC))}"


def _copies(paths: tuple[str, ...]) -> list[str]:
    if not paths:
        return []
    for path in paths:
        if not PATH.fullmatch(path):
            raise _unusable(path)
    return [fold("Cc", (*(f"{path}," for path in paths[:-1]), paths[-1]))]


def _unusable(address: str) -> ValueError:
    """Return the error for an address with characters that could end it, or a header, in a command."""
    return UnusableContentError() if BREAKS.search(address) else UnusableAddressError()


def _body(message: Message) -> bytes:
    """Return the body with its own headers. It is made once for a request whose text has no variables."""
    shared = message.shared
    if shared is not None and (made := shared.get(_BODY)) is not None:
        return made
    body = encode_body(message.plain_text(), message.text) if message.is_html else encode_body(message.text)
    if shared is not None:
        shared[_BODY] = body
    return body
