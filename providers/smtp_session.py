"""Connection to a mail server. It runs command by command, so that the progress of an e-mail is known."""

import asyncio
import re
from dataclasses import dataclass
from typing import cast

from aiosmtplib import SMTP, SMTPResponse, SMTPServerDisconnected
from pydantic import SecretStr

from core.send_result import Failed, SendResult, Sent
from providers.mail_message import Mail
from providers.result_codes import ResultKind, result_for
from schemas.statuses import Reason

CODES = {
    421: ResultKind.UNAVAILABLE,  # closing the connection
    450: ResultKind.UNAVAILABLE,  # mailbox busy, or greylisted
    451: ResultKind.UNAVAILABLE,  # local error
    452: ResultKind.UNAVAILABLE,  # out of storage
    454: ResultKind.UNAVAILABLE,  # TLS or authentication not available for the moment (RFC 3207, RFC 4954)
}
"""Result of individual SMTP reply codes (RFC 5321, section 4.2.3)."""

CODE_CLASSES = {2: ResultKind.SENT, 4: ResultKind.UNAVAILABLE, 5: ResultKind.REJECTED}
"""Result of all other codes, by first digit. A code in neither table is not a valid reply."""

GO_ON = 354
"""Reply code to DATA that asks for the e-mail."""

_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![^\s])")  # RFC 2034: only digits, so it is safe to show


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials of the user."""

    username: str
    password: SecretStr


class MailProgress:
    """Progress of one e-mail."""

    step = "connecting"
    ended = False
    """True if the dot that ends the e-mail may have been sent. The server may have accepted the e-mail then."""


class UnreadableReplyError(Exception):
    """Error for a reply of the server that is not valid at this point."""


class SmtpSession:
    """Open connection. After an exception the caller must drop it with `abort`."""

    def __init__(self, smtp: SMTP) -> None:
        self._smtp = smtp
        self._leftover = False
        """True if the server still has the envelope of an e-mail that it refused."""
        self.idle_since = 0.0

    async def open(self, login: Login | None, progress: MailProgress, *, starttls: bool) -> None:
        """Connect, say hello, start TLS and log in."""
        progress.step = "connecting"
        await self._smtp.connect()
        if starttls:
            progress.step = "STARTTLS"
            await self._smtp.starttls()
        progress.step = "EHLO"
        await self._smtp.ehlo()
        if login is not None:
            progress.step = "AUTH"
            await self._smtp.login(login.username, login.password.get_secret_value())

    @property
    def usable(self) -> bool:
        """Return whether neither side has closed the connection."""
        return self._smtp.is_connected

    async def hand_over(self, mail: Mail, sender: str, progress: MailProgress) -> SendResult:
        """Send one e-mail. An exception means that the connection has failed, not the e-mail."""
        if mail.needs_utf8 and not self._smtp.supports_extension("smtputf8"):
            return Failed(Reason.REJECTED, "the server does not support addresses in UTF-8")
        reply = await self.envelope(sender, self._options(mail), progress)
        for step, command in (("RCPT", f"RCPT TO:<{mail.path}>"), ("DATA", "DATA")):
            if (answer := _refused(reply, progress.step)) is not None:
                return answer
            progress.step = step
            reply = await self._command(command)
        if reply.code != GO_ON:
            if (answer := _refused(reply, "DATA")) is not None:
                return answer
            raise UnreadableReplyError
        reply = await self._content(mail.content, progress)
        self._leftover = False
        return _refused(reply, "end of data") or Sent(mail.message_id, _show(reply))

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
        _drop(self._smtp.transport)
        self._smtp.close()

    def _options(self, mail: Mail) -> str:
        size = f" SIZE={len(mail.content)}" if self._smtp.supports_extension("size") else ""
        return f"{size} BODY=8BITMIME SMTPUTF8" if mail.needs_utf8 else size

    async def _command(self, line: str) -> SMTPResponse:
        return await self._smtp.execute_command(line.encode())

    async def _content(self, content: bytes, progress: MailProgress) -> SMTPResponse:
        """Write the e-mail, and then the dot. If the connection is lost before the dot, the e-mail was not accepted."""
        progress.step = "content"
        protocol = self._smtp.protocol
        if protocol is None:
            raise SMTPServerDisconnected("connection lost")
        protocol.write(content.replace(b"\r\n.", b"\r\n.."))
        await self._drain()
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


def _refused(reply: SMTPResponse, step: str) -> SendResult | None:
    """Return None if the server accepts, else the result of its refusal."""
    kind = CODES.get(reply.code) or CODE_CLASSES.get(reply.code // 100)
    if kind is None:
        raise UnreadableReplyError
    return None if kind is ResultKind.SENT else result_for(kind, f"{_show(reply)} to {step}")


def _show(reply: SMTPResponse) -> str:
    """Return the codes of the reply. Its text may contain the address and is left out."""
    enhanced = _ENHANCED.match(reply.message)
    return f"SMTP {reply.code} {enhanced[0]}" if enhanced else f"SMTP {reply.code}"


def _drop(transport: asyncio.BaseTransport | None) -> None:
    """Close at once. A normal close of a TLS connection would wait for the other side."""
    if transport is not None:
        cast("asyncio.WriteTransport", transport).abort()
