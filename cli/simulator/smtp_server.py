"""SMTP server of the simulator: a mail server as the kind `smtp` expects it, on top of aiosmtpd.

It answers to the mail itself and not to RCPT, because the delivery id comes with the headers (`Message-ID`).
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default as mail_policy
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from cli.simulator.received import Delivery
from cli.simulator.receiver import MAX_MESSAGE_BYTES, Receiver, never
from providers.simulated_results import SimulatedResult
from schemas.statuses import Channel

_REPLIES = {
    SimulatedResult.TAKE: "250 2.0.0 taken",
    SimulatedResult.REPEAT: "250 2.0.0 taken",
    SimulatedResult.FAIL: "554 5.0.0 simulated: refused",
    SimulatedResult.RETRY: "451 4.3.0 simulated: unavailable",
    SimulatedResult.THROTTLE: "450 4.2.1 simulated: too many",
}
"""Reply to each mail (RFC 5321, 4.2.3, and RFC 3463).

Gmail answers 450 4.2.1 if mails come too fast (https://support.google.com/mail/?p=ReceivingRate).
"""

_NO_ID = "554 5.6.0 Message-ID is missing"
_MESSAGE_ID = re.compile(r"\s*<([^<>@\s]+@[^<>\s]+)>\s*")
_END_OF_HEADERS = re.compile(rb"\r\n\r\n")


class MailHandler:
    """Hooks that aiosmtpd calls (https://github.com/aio-libs/aiosmtpd/blob/master/aiosmtpd/docs/handlers.rst)."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def handle_EHLO(  # noqa: N802  # the name that aiosmtpd looks for
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> Sequence[str]:
        """Offer PIPELINING (RFC 2920) too. aiosmtpd answers one command after the other, in order."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer a mail as configured. Its address is the first one of the envelope, because copies come after it."""
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101  # aiosmtpd decodes nothing unless told to
        message_id = _message_id(content)
        if message_id is None:
            return _NO_ID
        subject, text = _subject_and_text(content) if self._receiver.received.show else (None, "")
        delivery_id = message_id.partition("@")[0]
        delivery = Delivery(delivery_id, Channel.EMAIL, envelope.rcpt_tos[0], subject, text, message_id)
        result = await self._receiver.receive(delivery)
        if result is SimulatedResult.DROP:
            if isinstance(server.transport, asyncio.WriteTransport):
                server.transport.abort()
            await never()
        return _REPLIES[result]


@asynccontextmanager
async def smtp_server(receiver: Receiver, host: str, port: int) -> AsyncIterator[int]:
    """Serve on this port, and yield the port. 0 is any free one. Raises OSError if the port cannot be used."""
    logging.getLogger("mail.log").disabled = True  # aiosmtpd logs addresses and texts
    loop = asyncio.get_running_loop()
    handler = MailHandler(receiver)

    def connection() -> SMTP:
        return SMTP(
            handler,
            data_size_limit=MAX_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="rollcall simulator",
            auth_require_tls=False,
            authenticator=_accept_any_login,
            loop=loop,
        )

    server = await loop.create_server(connection, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def _accept_any_login(*_: Any) -> AuthResult:
    return AuthResult(success=True)


def _message_id(content: bytes) -> str | None:
    """Return the Message-ID of a mail, whose part before the @ is the delivery id. Return None without one."""
    headers = BytesHeaderParser().parsebytes(_END_OF_HEADERS.split(content, 1)[0])
    found = _MESSAGE_ID.fullmatch(str(headers["Message-ID"] or ""))
    return found[1] if found else None


def _subject_and_text(content: bytes) -> tuple[str | None, str]:
    mail = message_from_bytes(content, policy=mail_policy)
    assert isinstance(mail, EmailMessage)  # noqa: S101  # the policy makes it so
    subject = str(mail["Subject"]) if "Subject" in mail else None
    body = mail.get_body(("plain", "html"))
    try:
        return subject, str(body.get_content()) if body else ""
    except (LookupError, UnicodeError):  # an encoding that Python does not know
        return subject, "(unreadable)"
