"""Replies of a mail server: the table of their results, and the part of a reply that may be shown."""

import re
from typing import NamedTuple

from core.send_result import SendResult
from providers.result_codes import ResultKind, result_for, safe_description

LIMIT_CODES = frozenset({421, 432})
"""Reply codes of a server that takes no more connections: closing, and too many connections (Exchange Online)."""

LOGIN_CODES = frozenset({530, 534, 535, 538, 523, 524, 525})
"""Reply codes that refuse the login, to whatever command (RFC 4954, section 6, and IANA's list of enhanced codes)."""

LOGIN_ENHANCED = frozenset(
    {"4.7.12", "5.7.3", "5.7.8", "5.7.9", "5.7.10", "5.7.11", "5.7.12", "5.7.13", "5.7.14", "5.7.57"}
)
"""Enhanced codes that refuse the login. They count more than the code: 432 4.7.12 is an expired password.

5.7.0 and 5.7.1 are not among them. Servers use both for spam and for recipients that a policy refuses.
"""

SENDER_ENHANCED = frozenset({"5.1.7", "5.1.8", "5.2.252", "5.7.60", *(f"5.7.{number}" for number in range(20, 28))})
"""Enhanced codes that refuse the sender for every recipient: address, rights, or SPF, DKIM and DNS of the domain."""

SEQUENCE_CODES = frozenset({502, 503, 504})
"""Reply codes of a session that is wrong: command not known here, bad sequence of commands, parameter not known."""

CODES = {
    421: ResultKind.UNAVAILABLE,  # closing the connection
    432: ResultKind.RATE_LIMITED,  # too many connections
    450: ResultKind.UNAVAILABLE,  # mailbox busy, or greylisted
    451: ResultKind.UNAVAILABLE,  # local error
    452: ResultKind.UNAVAILABLE,  # out of storage
    454: ResultKind.UNAVAILABLE,  # TLS or authentication not available for the moment (RFC 3207, RFC 4954)
    **dict.fromkeys(SEQUENCE_CODES, ResultKind.UNAVAILABLE),
}
"""Result of individual SMTP reply codes (RFC 5321, section 4.2.3)."""

CODE_CLASSES = {2: ResultKind.SENT, 4: ResultKind.UNAVAILABLE, 5: ResultKind.REJECTED}
"""Result of all other codes, by first digit. A code in neither table is not a valid reply."""

_NOT_ALLOWED = re.compile(
    r"relay(?:ing)?(?: access)?(?: is)? (?:denied|prohibited|not (?:permitted|allowed))|unable to relay"
    r"|not authenticated|authentication (?:is )?required|(?:must|please) authenticate|client host rejected",
    re.IGNORECASE,
)
"""Words of a server that does not know us, often because the login is missing. No address can contain them.

Postfix, Exim, Sendmail and Exchange say this with 550 or 554 and 5.7.1, or without an enhanced code. Both are also used
for a recipient that a policy refuses, so only the words tell them apart.
"""

_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![^\s])")  # RFC 2034: only digits, so it is safe to show


class Reply(NamedTuple):
    """Reply of the server. The text may have the address, and is never shown."""

    code: int
    message: str
    """Text of all lines, joined by line feeds."""


class UnreadableReplyError(Exception):
    """Error for a reply of the server that is not valid at this point."""


class SessionRefusedError(Exception):
    """Error for a reply that refuses the connection or the login, and not the mail. The connection must be dropped."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"SMTP {reply.code}")
        self.reply = reply

    @property
    def is_limit(self) -> bool:
        """Return whether the server takes no more connections for now."""
        return self.reply.code in LIMIT_CODES and not refuses_login(self.reply)


def refuses_login(reply: Reply) -> bool:
    """Return whether the reply says that the login is missing, wrong or expired."""
    return reply.code in LOGIN_CODES or (reply.code >= 400 and _enhanced_code(reply) in LOGIN_ENHANCED)


def refuses_session(reply: Reply) -> bool:
    """Return whether the reply to a command of a mail means that this connection is of no more use."""
    return reply.code in LIMIT_CODES or reply.code in SEQUENCE_CODES or refuses_login(reply)


def refused(reply: Reply, step: str) -> SendResult | None:
    """Return None if the server accepts, else the result of its refusal. Raises UnreadableReplyError."""
    if reply.code == 250:
        return None
    kind = CODES.get(reply.code) or CODE_CLASSES.get(reply.code // 100)
    if kind is None:
        raise UnreadableReplyError
    if refuses_login(reply):
        kind = ResultKind.CREDENTIALS
    elif kind is ResultKind.REJECTED and _refuses_us(reply):
        kind = ResultKind.UNAVAILABLE
    return None if kind is ResultKind.SENT else result_for(kind, f"{show(reply)} to {step}")


def show(reply: Reply) -> str:
    """Return the codes of the reply. Its text may contain the address and is left out."""
    enhanced = _enhanced_code(reply)
    return f"SMTP {reply.code} {enhanced}" if enhanced else f"SMTP {reply.code}"


def _refuses_us(reply: Reply) -> bool:
    """Return whether the server refuses to take mails from us at all, and not this recipient."""
    enhanced = _enhanced_code(reply) or "5.7."
    is_policy = reply.code in {550, 551, 553, 554} and enhanced.startswith("5.7.")
    return enhanced in SENDER_ENHANCED or (is_policy and _NOT_ALLOWED.search(reply.message) is not None)


def _enhanced_code(reply: Reply) -> str | None:
    enhanced = _ENHANCED.match(reply.message)
    return enhanced[0] if enhanced else None


def describe(error: Exception) -> str:
    """Return the codes of a refusal, or a fixed description of another error."""
    return str(error) if isinstance(error, SessionRefusedError) else safe_description(error)
