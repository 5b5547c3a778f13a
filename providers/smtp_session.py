"""One connection to a mail server, driven command by command, so that it is known how far a mail came."""

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
"""SMTP replies of their own (RFC 5321, section 4.2.3)."""

CODE_CLASSES = {2: ResultKind.SENT, 4: ResultKind.UNAVAILABLE, 5: ResultKind.REJECTED}
"""The first digits of all others; what stands in neither table is no reply."""

GO_ON = 354
"""The one reply to DATA that asks for the mail."""

_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![^\s])")  # RFC 2034: digits alone, so safe to show


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in."""

    username: str
    password: SecretStr


class MailProgress:
    """How far one mail came on its way."""

    step = "connecting"
    ended = False
    """Whether the dot that ends the mail may have left: from then on the server may have taken it."""


class UnreadableReplyError(Exception):
    """The server said what is no reply at this point."""


class SmtpSession:
    """An open connection. Whoever gets an exception from it drops it with `abort`."""

    def __init__(self, smtp: SMTP) -> None:
        self._smtp = smtp
        self._leftover = False
        """Whether the server still holds the envelope of a mail that it refused."""
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
        """Whether neither side has closed it."""
        return self._smtp.is_connected

    async def hand_over(self, mail: Mail, sender: str, progress: MailProgress) -> SendResult:
        """Hand one mail over. What it raises means that the connection, not the mail, has failed."""
        if mail.needs_utf8 and not self._smtp.supports_extension("smtputf8"):
            return Failed(Reason.REJECTED, "the server takes no addresses in UTF-8")
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
        """Begin a mail from the sender; one that was begun before is forgotten."""
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
        except Exception:  # noqa: BLE001, S110  # it is closed anyway
            pass
        finally:
            _drop(transport)

    def abort(self) -> None:
        """Drop the connection and what is not written yet, so that no mail can end after its answer was given."""
        _drop(self._smtp.transport)
        self._smtp.close()

    def _options(self, mail: Mail) -> str:
        size = f" SIZE={len(mail.content)}" if self._smtp.supports_extension("size") else ""
        return f"{size} BODY=8BITMIME SMTPUTF8" if mail.needs_utf8 else size

    async def _command(self, line: str) -> SMTPResponse:
        return await self._smtp.execute_command(line.encode())

    async def _content(self, content: bytes, progress: MailProgress) -> SMTPResponse:
        """Write the mail and only then the dot: before it, a lost connection is a mail that was not taken."""
        progress.step = "content"
        protocol = self._smtp.protocol
        if protocol is None:
            raise SMTPServerDisconnected("connection lost")
        protocol.write(content.replace(b"\r\n.", b"\r\n.."))
        await self._drain()
        protocol.write(b".\r\n")  # raises where the connection is known to be lost
        progress.step, progress.ended = "end of data", True
        return await protocol.read_response()

    async def _drain(self) -> None:
        """Wait until what was written has left. Few mails need to: the kernel takes most of them at once."""
        while self.usable:
            transport = cast("asyncio.WriteTransport", self._smtp.transport)
            if not transport.get_write_buffer_size():
                return
            await asyncio.sleep(0.005)


def _refused(reply: SMTPResponse, step: str) -> SendResult | None:
    """None where the server agrees, else its refusal."""
    means = CODES.get(reply.code) or CODE_CLASSES.get(reply.code // 100)
    if means is None:
        raise UnreadableReplyError
    return None if means is ResultKind.SENT else result_for(means, f"{_show(reply)} to {step}")


def _show(reply: SMTPResponse) -> str:
    """The reply's codes; its text may name the address."""
    enhanced = _ENHANCED.match(reply.message)
    return f"SMTP {reply.code} {enhanced[0]}" if enhanced else f"SMTP {reply.code}"


def _drop(transport: asyncio.BaseTransport | None) -> None:
    """Close at once: a TLS connection would wait for the other side's goodbye."""
    if transport is not None:
        cast("asyncio.WriteTransport", transport).abort()
