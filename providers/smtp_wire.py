"""Bytes of one SMTP connection: lines out, replies in, each reply for the command that was sent first (RFC 5321).

No library sends a command before the reply to the last one came, as RFC 2920 allows. So this one does.
"""

import asyncio
import re
import ssl
from collections import deque
from functools import lru_cache
from typing import cast

from providers.smtp_replies import Reply, UnreadableReplyError

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
MAX_REPLY = 64 * 1024
"""Maximum length of a reply with all its lines, in octets. RFC 5321 allows 512 for a line, and names no number of them.

A server whose reply never ends must not fill the memory.
"""
SHORT_LINE = 24
"""Length of a line of a reply that is remembered, in octets."""
EXPLANATION_LINE = 64
"""Length of a reply to DATA that is remembered, in octets."""
MAX_TEXT = 4 * 1024
"""Length of a reply's text that is kept, in characters. Enough for its codes and for the words that matter."""


def _parse(line: bytes) -> tuple[int, bool, str]:
    """Return the code of a line, whether it is the last of its reply, and its text. The code is 0 for anything else."""
    found = _LINE.fullmatch(line)
    if found is None:
        return 0, True, ""
    return int(found[1]), found[2] != b"-", (found[3] or b"")[:MAX_TEXT].decode(errors="replace")


_parse_short = lru_cache(maxsize=64)(_parse)
"""A server says the same few short lines again and again. Longer ones may have an address, and are not kept.

The reply to DATA is the exception. It comes before the text, and servers explain in it how a mail ends.
"""


class SmtpWire(asyncio.Protocol):
    """Connection whose replies are counted.

    A reply that no command asked for would be taken for the reply to the next command, and a mail would get the result
    of another one. So after a reply too many, every read fails. A 421 is the exception: a server may announce the end
    of the connection at any time (RFC 5321, section 3.8), and that answers no command.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        """Beginning of a line whose end has not come."""
        self._code = 0
        self._text: list[str] = []
        """Code of the reply whose lines come, and their texts."""
        self._length = 0
        """Length of the lines of this reply, in octets."""
        self._expected = 1
        """Number of replies that were asked for and have not come. The first one is the greeting."""
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._out_of_step = False
        """True after a reply too many. No reply can be trusted any more."""
        self._unreadable = False
        """True after bytes that are no reply. Those before them can be trusted."""
        self._closing = self._lost = False

    @property
    def usable(self) -> bool:
        """Return whether neither side has closed the connection, and each reply had its command."""
        return not (self._lost or self._unreadable or self._out_of_step or self._closing)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. After STARTTLS it is the encrypted one."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(
            1, 0
        )  # so that `drain` waits for every byte. With 0, TLS never ends it.

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake what waits. It fails."""
        del exc
        self._lost = True
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """Make `drain` wait."""
        self._drained = self._drained or self._loop.create_future()

    def resume_writing(self) -> None:
        """End the wait of `drain`."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def data_received(self, data: bytes) -> None:
        """Read the replies in the bytes. Bytes that no command asked for end the use of the connection."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._unreadable:
                break
            self._read_line(line.removesuffix(b"\r"))
        self._unreadable = self._unreadable or len(self._rest) > MAX_REPLY
        if (self._rest or self._text) and not self._expected:
            self._out_of_step = True
        if self._out_of_step or self._unreadable:
            self._rest = b""
            self.abort()  # else a server could fill the memory, or keep an idle connection busy for ever
        self._wake()

    def _read_line(self, line: bytes) -> None:
        is_short = len(line) <= SHORT_LINE or (len(line) <= EXPLANATION_LINE and line.startswith(b"354 "))
        code, is_last, text = _parse_short(line) if is_short else _parse(line)
        self._length += len(line) + 1
        if not code or (self._text and self._code != code) or self._length > MAX_REPLY:
            self._unreadable = True
            self._out_of_step = self._out_of_step or not self._expected
            return
        self._code = code
        if not is_last or self._text:
            self._text.append(text if self._length - len(line) <= MAX_TEXT else "")
            if not is_last:
                return
            text, self._text = "\n".join(self._text), []
        self._length = 0
        if self._expected:
            self._expected -= 1
            self._replies.append(Reply(code, text))
        elif code == 421 and not self._closing:  # see the class
            self._closing = True
        else:
            self._out_of_step = True

    def ask(self, *lines: bytes) -> None:
        """Write commands in one piece. Each has one reply. Raises an error if the connection is known to be of no use.

        The replies come in the order of the commands.
        """
        self._check()
        self._expected += len(lines)
        self.write(b"".join(lines))

    def write(self, content: bytes) -> None:
        """Write bytes that have no reply."""
        self._check()
        cast("asyncio.Transport", self._transport).write(content)

    def take(self) -> Reply | None:
        """Return the next reply if it has come, as `read` does."""
        if self._out_of_step:
            raise UnreadableReplyError
        return self._replies.popleft() if self._replies else None

    async def read(self) -> Reply:
        """Return the next reply. Raises UnreadableReplyError after a reply too many, and ConnectionError at the end."""
        while True:
            if (reply := self.take()) is not None:
                return reply
            if self._unreadable:
                raise UnreadableReplyError
            if self._lost:
                raise ConnectionResetError
            self._waiter = self._loop.create_future()
            await self._waiter

    async def drain(self) -> None:
        """Wait until the kernel has taken the written bytes. It usually takes them at once."""
        if self._drained is not None and not self._lost:
            await self._drained

    async def expect_silence(self) -> None:
        """Read what has arrived, and raise an error if there is anything: the next reply would not be the right one."""
        for _ in range(2):  # after the second turn of the loop, the bytes that the kernel had are here
            await asyncio.sleep(0)
        self._check()
        if self._closing:
            raise ConnectionResetError

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Encrypt the connection. What was read before counts for nothing: there must be nothing."""
        await self.expect_silence()
        transport = cast("asyncio.Transport", self._transport)
        encrypted = await self._loop.start_tls(transport, self, context, server_hostname=host)
        self._rest = b""
        self.connection_made(encrypted)  # type: ignore[arg-type]

    def abort(self) -> None:
        """Drop the connection and unwritten bytes. A normal close of TLS would wait for the other side."""
        self._lost = True
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _check(self) -> None:
        if self._out_of_step or self._unreadable:
            raise UnreadableReplyError
        if self._lost or self._transport is None or self._transport.is_closing():
            raise ConnectionResetError

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
