"""Open connection to a mail server: greeting, encryption, login, and the envelopes of e-mails."""

import asyncio
import base64
import re
import ssl
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import SecretStr

from providers.mail_message import Mail
from providers.network import Network, connect, hide_failure
from providers.smtp_replies import Reply, SessionRefusedError, describe
from providers.smtp_wire import SmtpWire

Command = tuple[str, bytes]
"""Step of an e-mail, as errors show it, and the line that begins it."""

_SIZE = re.compile("[1-9][0-9]{0,18}")

RESET = b"RSET\r\n"
DATA = b"DATA\r\n"
_ASK_TO_SEND: tuple[Command, ...] = (("DATA", DATA),)
DOT = b".\r\n"
"""End of an e-mail. The server may have accepted it as soon as this was written."""


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials of the user."""

    username: str
    password: SecretStr


class MailServer(NamedTuple):
    """Mail server, and how to use it."""

    host: str
    port: int
    helo_name: str
    tls: ssl.SSLContext | None
    starttls: bool
    login: Login | None
    connections: int
    """Maximum number of open connections."""
    timeout_seconds: float
    network: Network | None

    def describe(self, error: Exception, step: str) -> str:
        """Return the step of a session that failed, and a fixed description of its error."""
        description = describe(error)
        return f"{step}: {hide_failure(description, self.network) if step == 'connecting' else description}"


class NoLoginError(Exception):
    """Error for a server that offers no way to log in that this client knows."""


class SmtpSession:
    """Connection that is open and logged in. After an exception its user must drop it with `abort`."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._wire: SmtpWire | None = None
        self._extensions: dict[str, str] = {}
        self.max_bytes: int | None = None
        """Maximum size of an e-mail, if the server names one (RFC 1870)."""
        self.step = "connecting"
        """Step that is under way, as errors show it."""
        self.is_fresh = True
        """True until the server answered the whole envelope of a first e-mail."""
        self.needs_reset = False
        """True if the server still has the envelope of an e-mail that it refused."""

    @property
    def wire(self) -> SmtpWire:
        """Return the connection. Raises ConnectionResetError before there is one."""
        if self._wire is None:
            raise ConnectionResetError
        return self._wire

    @property
    def usable(self) -> bool:
        """Return whether neither side has closed the connection, and the server did not say too much."""
        return self._wire is not None and self._wire.usable

    def offers(self, extension: str) -> bool:
        """Return whether the server named the extension in its answer to EHLO."""
        return extension in self._extensions

    async def open(self) -> None:
        """Connect, say hello, start TLS and log in. Raises SessionRefusedError if the server refuses any of it."""
        server, self.step = self._server, "connecting"
        tls = None if server.starttls else server.tls
        _, self._wire = await connect(SmtpWire, server.host, server.port, tls, server.network)
        greeting = await self._wire.read()
        if greeting.code != 220:
            raise SessionRefusedError(greeting)
        if server.starttls and server.tls:
            self.step = "STARTTLS"
            await self._hello()
            _require(await self.command(b"STARTTLS"), 220)
            await self._wire.start_tls(server.tls, server.host)
        self.step = "EHLO"
        await self._hello()
        if server.login is not None:
            self.step = "AUTH"
            await self._log_in(server.login)

    async def command(self, line: bytes) -> Reply:
        """Send one command, and return its reply. Nothing may have come before it."""
        await self.wire.expect_silence()
        self.wire.ask(line + b"\r\n")
        return await self.wire.read()

    def envelope(self, mail: Mail, sender: str) -> list[Command]:
        """Return the commands that begin an e-mail. Copies are named later, once the recipient is accepted."""
        reset: list[Command] = [("MAIL", RESET)] if self.needs_reset else []
        size = f" SIZE={len(mail.content)}" if self.offers("SIZE") else ""
        options = f"{size} BODY=8BITMIME SMTPUTF8" if mail.needs_utf8 else size
        return [
            *reset,
            ("MAIL", f"MAIL FROM:<{mail.return_path or sender}>{options}\r\n".encode()),
            ("RCPT", f"RCPT TO:<{mail.path}>\r\n".encode()),
            *(() if mail.cc_paths else _ASK_TO_SEND),
        ]

    async def quit(self) -> None:
        """Say goodbye and close."""
        try:
            async with asyncio.timeout(1.0):
                await self.command(b"QUIT")
        except Exception:  # noqa: BLE001, S110  # the connection is closed anyway
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the connection and unwritten bytes, so that no e-mail can be completed after its result is known."""
        if self._wire is not None:
            self._wire.abort()

    async def _hello(self) -> None:
        reply = _require(await self.command(f"EHLO {self._server.helo_name}".encode()), 250)
        words = (line.upper().replace("=", " ", 1).partition(" ") for line in reply.message.split("\n")[1:])
        self._extensions = {}
        for name, _, values in words:
            self._extensions[name] = f"{self._extensions.get(name, '')} {values}"
        size = self._extensions.get("SIZE", "").strip()
        self.max_bytes = int(size) if _SIZE.fullmatch(size) else None

    async def _log_in(self, login: Login) -> None:
        """Log in by PLAIN (RFC 4616), or by LOGIN, which some servers offer alone. A refusal is not tried again."""
        offered = self._extensions.get("AUTH", "").split()
        username, password = login.username, login.password.get_secret_value()
        if "PLAIN" in offered:
            reply = await self.command(b"AUTH PLAIN " + _base64(f"\0{username}\0{password}"))
        elif "LOGIN" in offered:
            _require(await self.command(b"AUTH LOGIN"), 334)
            _require(await self.command(_base64(username)), 334)
            reply = await self.command(_base64(password))
        else:
            raise NoLoginError
        _require(reply, 235)


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def _require(reply: Reply, code: int) -> Reply:
    if reply.code != code:
        raise SessionRefusedError(reply)
    return reply
