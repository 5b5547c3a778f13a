"""Mail server with the limits that real ones have: connections, mails per connection, greylisting, a login."""

import asyncio
import base64
from collections import Counter

from tests.contract.providers.servers import Peer

PASSWORD = "right"


class LimitedMailServer(Peer):
    """Mail server that takes every mail in the end, to a client that respects its limits."""

    def __init__(self, *, most_connections: int = 1_000_000, mails_per_connection: int = 1_000_000) -> None:
        super().__init__()
        self.most_connections, self.mails_per_connection = most_connections, mails_per_connection
        self.greylists = False
        """True if the first RCPT of each address is answered with 451."""
        self.login_fails = False
        """True if the password has expired."""
        self.needs_login = False
        self.refuses_with: str | None = "421 4.7.0 Too many concurrent SMTP connections"
        """Greeting of a connection too many. None resets it, an empty one says nothing."""
        self.seconds_per_mail = 0.0
        self.counts: Counter[str] = Counter()
        """Number of refusals of each kind."""
        self.most_open = 0
        self.asked: set[str] = set()
        """Addresses that were named in a RCPT."""
        self._logged_in: dict[asyncio.StreamWriter, bool] = {}

    def log_out_all(self) -> None:
        """Forget the logins of all open connections."""
        self._logged_in = dict.fromkeys(self._logged_in, False)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.open_connections > self.most_connections:
            self.counts["connection"] += 1
            if self.refuses_with is None:
                writer.transport.abort()
            elif self.refuses_with:
                await _say(writer, self.refuses_with)
            else:
                await reader.read()
            return
        self.most_open = max(self.most_open, self.open_connections)
        await _say(writer, "220 ready")
        mails, self._logged_in[writer] = 0, False
        while line := (await reader.readuntil(b"\r\n")).decode().strip():
            command = line.split()[0].upper()
            if command == "MAIL" and mails >= self.mails_per_connection:
                self.counts["mail"] += 1
                await _say(writer, "421 4.7.0 too many mails over this connection")
                return
            if command == "DATA":
                mails += 1
                await self._take(reader, writer)
            else:
                await _say(writer, self._answer(command, line, writer))
            if command == "QUIT":
                return

    def _answer(self, command: str, line: str, writer: asyncio.StreamWriter) -> str:
        match command:
            case "EHLO":
                return "250-here\r\n250-AUTH PLAIN LOGIN\r\n250 HELP"
            case "AUTH":
                response = base64.b64decode(line.split()[2]) if "PLAIN" in line else b""
                self._logged_in[writer] = not self.login_fails and response.endswith(PASSWORD.encode())
                return "235 2.7.0 welcome" if self._logged_in[writer] else self._refused("login", "535 5.7.8 no")
            case "MAIL" if self.needs_login and not self._logged_in[writer]:
                return self._refused("sender", "530 5.7.0 log in first")
            case "RCPT" if (address := line.partition("<")[2].partition(">")[0]) not in self.asked:
                self.asked.add(address)
                return self._refused("greylisted", "451 4.7.1 greylisted, try again") if self.greylists else "250 ok"
        return "221 bye" if command == "QUIT" else "250 ok"

    def _refused(self, kind: str, reply: str) -> str:
        self.counts[kind] += 1
        return reply

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, "354 go on")
        content = await reader.readuntil(b"\r\n.\r\n")
        self.arrived += 1
        await asyncio.sleep(self.seconds_per_mail)
        self.taken.append(content.partition(b"Message-ID: <")[2].partition(b"@")[0].decode())
        await _say(writer, "250 2.0.0 queued")


async def _say(writer: asyncio.StreamWriter, reply: str) -> None:
    writer.write(reply.encode() + b"\r\n")
    await writer.drain()
