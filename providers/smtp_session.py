"""Connection to a mail server. It runs command by command, so that the progress of an e-mail is known."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import NamedTuple, cast

from aiosmtplib import SMTP, SMTPResponse, SMTPServerDisconnected
from pydantic import SecretStr

from core.send_result import Failed, SendResult, Sent
from providers.mail_message import Mail
from providers.smtp_protocol import StrictProtocol, connect
from providers.smtp_replies import SessionRefusedError, UnreadableReplyError, refused, refuses_session, show
from schemas.statuses import Reason

GO_ON = 354
"""Reply code to DATA that asks for the e-mail."""


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials of the user."""

    username: str
    password: SecretStr


class ServerAddress(NamedTuple):
    """Address of the mail server, and how to greet it."""

    host: str
    port: int
    helo_name: str
    tls: ssl.SSLContext | None
    starttls: bool


class MailProgress:
    """Progress of one e-mail."""

    step = "connecting"
    ended = False
    """True if the dot that ends the e-mail may have been sent. The server may have accepted the e-mail then."""

    @property
    def is_opening(self) -> bool:
        """Return whether the connection for the e-mail is still being opened."""
        return self.step in {"connecting", "STARTTLS", "EHLO", "AUTH"}


class SmtpSession:
    """Open connection. After an exception the caller must drop it with `abort`."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._smtp = SMTP(
            hostname=address.host,
            port=address.port,
            local_hostname=address.helo_name,
            timeout=None,  # the whole send has a time-out
            start_tls=False,  # the session starts TLS itself to track its progress
            tls_context=address.tls,
        )
        self._protocol: StrictProtocol | None = None
        self._leftover = False
        """True if the server still has the envelope of an e-mail that it refused."""
        self.is_fresh = True
        """True until a first e-mail was handed over, or refused."""
        self.expiry: asyncio.TimerHandle | None = None
        """Timer that closes the connection while it is idle."""

    async def open(self, login: Login | None, progress: MailProgress) -> None:
        """Connect, say hello, start TLS and log in. Raises SessionRefusedError if the server refuses any of it."""
        try:
            await self._open(login, progress)
        except Exception as error:
            # A second way to log in may meet a closed connection. The first refusal says what is wrong.
            refusal = self._protocol.first_refusal if self._protocol else None
            if refusal is None or isinstance(error, SessionRefusedError):
                raise
            raise SessionRefusedError(refusal) from error

    async def _open(self, login: Login | None, progress: MailProgress) -> None:
        address, progress.step = self._address, "connecting"
        protocol = await connect(address.host, address.port, None if address.starttls else address.tls)
        self._protocol = self._smtp.protocol = protocol
        self._smtp.transport = protocol.transport
        if (greeting := await protocol.read_response()).code != 220:
            raise SessionRefusedError(greeting)
        if address.starttls:
            progress.step = "STARTTLS"
            await self._smtp.starttls()
        progress.step = "EHLO"
        await self._smtp.ehlo()
        if login is not None:
            progress.step = "AUTH"
            await self._smtp.login(login.username, login.password.get_secret_value())

    @property
    def usable(self) -> bool:
        """Return whether neither side has closed the connection, and the server did not say too much."""
        return self._protocol is not None and self._protocol.usable

    async def hand_over(self, mail: Mail, sender: str, progress: MailProgress) -> SendResult:
        """Send one e-mail. An exception means that the connection has failed, not the e-mail."""
        if mail.needs_utf8 and not self._smtp.supports_extension("smtputf8"):
            return Failed(Reason.REJECTED, "the server does not support addresses in UTF-8")
        refused_copies = ""
        reply = await self.envelope(sender, self._options(mail), progress)
        for step, command in (("RCPT", f"RCPT TO:<{mail.path}>"), ("DATA", "DATA")):
            if (answer := _result(reply, progress.step)) is not None:
                return answer
            if step == "DATA":
                refused_copies = await self._name_copies(mail)
            progress.step = step
            reply = await self._command(command)
        if reply.code != GO_ON:
            if (answer := _result(reply, "DATA")) is not None:
                return answer
            raise UnreadableReplyError
        reply = await self._content(mail.content, progress)
        self._leftover = False
        return _result(reply, progress.step) or Sent(mail.message_id, show(reply) + refused_copies)

    async def _name_copies(self, mail: Mail) -> str:
        """Name the CC addresses. Return how many the server refused, as a note for the response.

        A refusal of a copy does not change the result, which is that of the recipient.
        """
        replies = [await self._command(f"RCPT TO:<{path}>") for path in mail.cc_paths]
        number = sum(refused(reply, "RCPT") is not None for reply in replies)
        return f", {number} of {len(replies)} CC refused" if number else ""

    async def envelope(self, sender: str, options: str, progress: MailProgress) -> SMTPResponse:
        """Begin an e-mail from the sender. The server forgets an e-mail that was begun before."""
        progress.step = "MAIL"
        if self._leftover and (await self._command("RSET")).code != 250:
            raise UnreadableReplyError
        self._leftover = True
        return await self._command(f"MAIL FROM:<{sender}>{options}")

    async def quit(self) -> None:
        """Say goodbye and close."""
        transport = self._smtp.transport
        try:
            async with asyncio.timeout(1.0):
                await self._smtp.quit()
        except Exception:  # noqa: BLE001, S110  # the connection is closed anyway
            pass
        finally:
            _drop(transport)

    def abort(self) -> None:
        """Drop the connection and unwritten bytes, so that no e-mail can be completed after its result is known."""
        _drop(self._protocol.transport if self._protocol else None)
        self._smtp.close()

    def _options(self, mail: Mail) -> str:
        size = f" SIZE={len(mail.content)}" if self._smtp.supports_extension("size") else ""
        return f"{size} BODY=8BITMIME SMTPUTF8" if mail.needs_utf8 else size

    async def _command(self, line: str) -> SMTPResponse:
        return await self._smtp.execute_command(line.encode())

    async def _content(self, content: bytes, progress: MailProgress) -> SMTPResponse:
        """Write the e-mail, and then the dot. If the connection is lost before the dot, the e-mail was not accepted."""
        progress.step = "content"
        protocol = self._protocol
        if protocol is None:
            raise SMTPServerDisconnected("connection lost")
        protocol.write(content.replace(b"\r\n.", b"\r\n.."))
        await self._drain()
        await protocol.expect_silence()
        protocol.write(b".\r\n")  # raises if the connection is known to be lost
        progress.step, progress.ended = "end of data", True
        return await protocol.read_response()

    async def _drain(self) -> None:
        """Wait until all bytes have been sent. Few e-mails need it, because the kernel usually takes them at once."""
        while self.usable:
            transport = cast("asyncio.WriteTransport", self._smtp.transport)
            if not transport.get_write_buffer_size():
                return
            await asyncio.sleep(0.005)


def _result(reply: SMTPResponse, step: str) -> SendResult | None:
    """Return None if the server accepts, else the result of its refusal of the e-mail."""
    if refuses_session(reply):
        raise SessionRefusedError(reply)
    return refused(reply, step)


def _drop(transport: asyncio.BaseTransport | None) -> None:
    """Close at once. A normal close of a TLS connection would wait for the other side."""
    if transport is not None:
        cast("asyncio.WriteTransport", transport).abort()
