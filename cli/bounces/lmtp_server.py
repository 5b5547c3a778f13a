"""LMTP server that takes bounces (RFC 2033), on top of aiosmtpd.

A mail is taken with 250 once Kafka has acknowledged its receipt. Otherwise 451 lets the mail server keep it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override

from cli.bounces.mail_reader import UNPUBLISHED, BounceMailReader, IncomingMail
from cli.bounces.notes import Notes
from providers.bounces.mail_parts import MAX_MAIL_BYTES

MAX_CONNECTIONS = 50
"""Maximum number of open connections. Postfix opens 20 to one destination by default."""
MAX_MAILS = 4
"""Maximum number of mails that are taken at the same time. aiosmtpd keeps each line as an object of its own, so that
1 MiB of empty lines takes 50 MiB."""
MAX_LINE = 64 * 1024
"""Maximum length of a line, in octets. A mail server may send longer ones than the 1,000 that RFC 5321 allows."""
IDLE_SECONDS = 60.0
"""Maximum time of one command with its mail, in seconds."""

_TOO_MANY = "421 4.3.2 too many connections, try again later"
_ONE_RECIPIENT = "452 4.5.3 one recipient at a time"
_NOT_NOW = "451 4.3.0 the receipt could not be published, try again later"
_TAKEN = "250 2.0.0 read"


class LmtpAddress(NamedTuple):
    """Address to listen on."""

    host: str
    port: int


class BounceHandler:
    """Hooks that aiosmtpd calls (https://github.com/aio-libs/aiosmtpd/blob/master/aiosmtpd/docs/handlers.rst)."""

    def __init__(self, reader: BounceMailReader, notes: Notes) -> None:
        self._reader, self._notes = reader, notes

    async def handle_EHLO(  # noqa: N802  # the name that aiosmtpd looks for, also for LHLO
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> Sequence[str]:
        """Offer the extensions that an LMTP server must have (RFC 2033, section 5)."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", responses[-1]]

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take one recipient for each mail. Then there is one reply to the mail, as aiosmtpd gives it."""
        if envelope.rcpt_tos:
            return _ONE_RECIPIENT
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient taken"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Publish the receipt of a mail. Mails without one are taken too, because a refusal would be another bounce."""
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101  # aiosmtpd decodes nothing unless told to
        try:
            await self._reader.publish([IncomingMail(content, envelope.rcpt_tos[0], datetime.now(UTC))])
        except UNPUBLISHED as error:
            self._notes.failed(error)
            return _NOT_NOW
        return _TAKEN

    async def handle_exception(self, error: Exception) -> str:
        """Let the mail server keep the mail after an unexpected error. The reply does not show the error."""
        self._notes.failed(error)
        return _NOT_NOW


class BounceConnections:
    """Open connections, and the mails that are being taken. Both are bounded."""

    def __init__(self) -> None:
        self.open: set[LMTP] = set()
        self.mails = asyncio.Semaphore(MAX_MAILS)


class BounceServer(LMTP):
    """One connection."""

    line_length_limit = MAX_LINE

    def __init__(self, handler: BounceHandler, connections: BounceConnections) -> None:
        super().__init__(
            handler,
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="rollcall bounces",
            timeout=IDLE_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._connections = connections

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self._connections.open) < MAX_CONNECTIONS:
            self._connections.open.add(self)
            super().connection_made(transport)
        elif isinstance(transport, asyncio.WriteTransport):
            transport.write(f"{_TOO_MANY}\r\n".encode())
            transport.close()

    @override
    def connection_lost(self, error: Exception | None) -> None:
        if self in self._connections.open:
            self._connections.open.discard(self)
            super().connection_lost(error)

    @override
    async def smtp_DATA(self, arg: str) -> None:
        async with self._connections.mails:
            await super().smtp_DATA(arg)


@asynccontextmanager
async def lmtp_server(reader: BounceMailReader, notes: Notes, address: LmtpAddress) -> AsyncIterator[int]:
    """Serve on this address, and yield the port. 0 is any free one. Raises OSError if it cannot be used."""
    logging.getLogger("mail.log").disabled = True  # aiosmtpd logs addresses and texts
    handler, connections = BounceHandler(reader, notes), BounceConnections()
    loop = asyncio.get_running_loop()
    server: Any = await loop.create_server(lambda: BounceServer(handler, connections), address.host, address.port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(connections.open):
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
