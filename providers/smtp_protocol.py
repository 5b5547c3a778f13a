"""Protocol of one SMTP connection that notices replies that no command asked for."""

import asyncio
import re
import ssl
from typing import cast

from aiosmtplib import SMTPResponse, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol

from providers.smtp_replies import UnreadableReplyError

_GOODBYE = re.compile(rb"(?:421-[^\n]*\n)*421(?: [^\n]*)?\r?\n")


class StrictProtocol(SMTPProtocol):
    """Protocol of aiosmtplib for a server that may say too much.

    aiosmtplib keeps what follows a reply, and gives it to the next command. From then on each reply belongs to the
    command before. Here every command fails after a reply too many. A 421 is the exception: a server may announce the
    end of the connection at any time (RFC 5321, section 3.8), so it answers no command.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._out_of_step = False
        self._closing = False
        self.first_refusal: SMTPResponse | None = None
        """First reply with a code of 400 or more."""

    @property
    def usable(self) -> bool:
        """Return whether neither side has closed the connection, and each reply had its command."""
        return self.is_connected and not self._out_of_step and not self._closing

    def data_received(self, data: bytes) -> None:
        """Read a reply, and note the bytes that no command asked for."""
        waiter = self._response_waiter
        is_asked = self._response_pending and waiter is not None and not waiter.done()
        super().data_received(data)
        if not is_asked:
            self._note_surplus(data)
            if self._out_of_step and self.transport is not None:
                # Else a server could keep an idle connection busy for ever.
                cast("asyncio.WriteTransport", self.transport).abort()
        elif self._buffer and waiter is not None and waiter.done():
            self._note_surplus(bytes(self._buffer))

    async def read_response(self, timeout: float | None = None) -> SMTPResponse:  # of the library
        """Return the reply. Raises UnreadableReplyError if more than one reply came."""
        reply = await super().read_response(timeout)
        if self._out_of_step:
            raise UnreadableReplyError
        if self.first_refusal is None and reply.code >= 400:
            self.first_refusal = reply
        return reply

    async def execute_command(self, *args: bytes, timeout: float | None = None) -> SMTPResponse:
        """Send a command, and return its reply. Nothing may have come before it."""
        await self.expect_silence()
        return await super().execute_command(*args, timeout=timeout)

    async def expect_silence(self) -> None:
        """Read what has arrived, and raise an error if there is anything: the next reply would not be the right one."""
        for _ in range(2):  # after the second turn of the loop, the bytes that the kernel had are here
            await asyncio.sleep(0)
        if self._out_of_step:
            raise UnreadableReplyError
        if self._closing:
            raise SMTPServerDisconnected("connection closing")

    def _note_surplus(self, data: bytes) -> None:
        if _GOODBYE.fullmatch(data) and not self._closing:
            self._closing = True
        else:
            self._out_of_step = True


async def connect(host: str, port: int, tls: ssl.SSLContext | None) -> StrictProtocol:
    """Connect, with TLS if there is a context. The caller reads the greeting."""
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: StrictProtocol(loop), host, port, ssl=tls)
    return protocol
