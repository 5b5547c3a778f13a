"""Servers for the contract of the providers, on loopback. The address of a delivery selects their behaviour."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum

from tests.support.polling import wait_until


class Act(StrEnum):
    """Behaviour of the server for a delivery."""

    TAKE = "take"
    REFUSE = "refuse"
    UNAVAILABLE = "unavailable"
    THROTTLE = "throttle"
    HANG = "hang"
    CUT = "cut"
    GIBBERISH = "gibberish"
    CREDENTIALS = "credentials"


class Peer:
    """TCP server on a free port of loopback that runs `serve` for each connection."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        self.connections = 0
        self.arrived = 0
        """Deliveries that were received completely, whatever their result."""
        self.taken: list[str] = []
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self.serve(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    @property
    def open_connections(self) -> int:
        return len(self._writers)

    def drop_connections(self) -> None:
        """Close all connections, as a server does with idle ones."""
        for writer in self._writers:
            writer.close()

    def interject(self, data: bytes) -> None:
        """Say something over all connections that nobody asked for."""
        for writer in self._writers:
            writer.write(data)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Peer"]:
        server = await asyncio.start_server(self._accept, self.host, self.port, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await server.wait_closed()
            await wait_until(lambda: not self._writers, seconds=10)


class SilentPeer(Peer):
    """Server that accepts a connection and never answers: no greeting, no TLS handshake."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002
        while await reader.read(1024):
            pass


class Gateway(Peer):
    """HTTP gateway of an operator. It echoes the received data wherever it can."""

    def __init__(self, acts: dict[str, Act]) -> None:
        super().__init__()
        self._acts = acts
        self.requests: list[tuple[dict[str, str], dict[str, object]]] = []
        self.answer: bytes | None = None
        """Exact bytes to answer instead."""
        self.then_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")[1:-2]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            self.requests.append((headers, body))
            self.arrived += 1
            act = self._acts.get(body["to"], Act.TAKE)
            if act is Act.HANG:
                await reader.read()
                return
            if act is Act.CUT:
                return
            if act is Act.TAKE and self.answer is None:
                self.taken.append(body["id"])
            echo = json.dumps({"id": f"gw-{body['id']}", "to": body["to"], "text": body["text"]})
            writer.write(self.answer or _HTTP[act](echo))
            await writer.drain()
            if self.then_cut:
                return


def http_answer(status: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


_HTTP: dict[Act, Callable[[str], bytes]] = {
    Act.TAKE: lambda echo: http_answer("202 Accepted", echo),
    Act.REFUSE: lambda echo: http_answer("400 " + echo, echo),
    Act.UNAVAILABLE: lambda echo: http_answer("500 " + echo, echo),
    Act.THROTTLE: lambda echo: http_answer("429 " + echo, echo, "Retry-After: 7"),
    Act.CREDENTIALS: lambda echo: http_answer("401 " + echo, echo),
    Act.GIBBERISH: lambda echo: f"220 {echo}\r\n\r\n".encode(),
}


class MailServer(Peer):
    """Mail server that answers by recipient and echoes the address. `replies` changes the reply to a command."""

    def __init__(self, acts: dict[str, Act], *, pipelining: bool = False) -> None:
        super().__init__()
        self._acts = acts
        self.replies: dict[str, str] = {}
        """Reply to a command or its whole line, or to `greeting`, `content`, `dot`.

        Empty cuts the connection, `-` sends nothing.
        """
        self.extensions = ["SIZE 10000000", "8BITMIME", *(["PIPELINING"] if pipelining else [])]
        self.commands: list[str] = []
        self.mails: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = named = ""
        if not await self._say(reader, writer, self.replies.get("greeting", "220 ready")):
            return
        while line := (await reader.readuntil(b"\r\n")).decode().strip():
            self.commands.append(line)
            command = line.split()[0].upper()
            if command == "RCPT":  # the first one is the recipient, the others get copies
                named = line.partition("<")[2].partition(">")[0]
                recipient = recipient or named
            elif command == "MAIL":
                recipient = ""
            asked = line if line in self.replies else command
            reply = self.replies.get(asked) or self._usual(command, named)
            if asked in self.replies and not self.replies[asked]:
                return
            if not await self._say(reader, writer, reply) or command == "QUIT":
                return
            if command == "DATA" and reply.startswith("354") and not await self._content(reader, writer, recipient):
                return

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> bool:
        if self.replies.get("content") == "":
            await reader.read(100)
            writer.transport.abort()
            return False
        content = await _read_content(reader)
        if not content:  # an e-mail that was given up
            return await self._say(reader, writer, "554 5.5.1 no valid recipients")
        self.arrived += 1
        act = self._acts.get(recipient, Act.TAKE)
        reply = self.replies.get("dot", _DOT[act].format(recipient))
        if reply.startswith("250"):
            self.mails.append(content.replace(b"\r\n..", b"\r\n."))
            self.taken.append(content.partition(b"Message-ID: <")[2].partition(b"@")[0].decode())
        return await self._say(reader, writer, reply)

    def _usual(self, command: str, recipient: str) -> str:
        if command == "EHLO":
            return "\r\n".join([f"250-{line}" for line in ["here", *self.extensions]] + ["250 HELP"])
        if command == "RCPT":
            return _RCPT.get(self._acts.get(recipient, Act.TAKE), "250 ok").format(recipient)
        return {"DATA": "354 go on", "QUIT": "221 bye"}.get(command, "250 ok")

    async def _say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: str) -> bool:
        if reply == "-":
            await reader.read()
        if reply in {"", "-"}:
            return False
        writer.write(reply.encode() + b"\r\n")
        await writer.drain()
        return True


async def _read_content(reader: asyncio.StreamReader) -> bytes:
    """Return what comes before the dot on a line of its own."""
    content = b""
    while (line := await reader.readuntil(b"\n")) != b".\r\n":
        content += line
    return content


_RCPT = {Act.REFUSE: "550 5.1.1 no mailbox {}", Act.UNAVAILABLE: "450 4.2.1 {} is busy"}
_DOT = {
    Act.TAKE: "250 2.0.0 queued for {}",
    Act.HANG: "-",
    Act.CUT: "",
    Act.GIBBERISH: "oh dear {}",
}
