"""Mail server whose replies a test delays, splits, cuts and repeats, at any of their bytes."""

import asyncio

from tests.contract.providers.servers import Peer


class ScriptedMailServer(Peer):
    """Mail server with PIPELINING, as Postfix behaves: DATA without a recipient is refused, and MAIL inside a mail."""

    def __init__(self) -> None:
        super().__init__()
        self.cut_after: int | None = None
        """Number of bytes of replies after which the first connection is cut. Unset: it is not cut."""
        self.goodbye_after: int | None = None
        """Number of replies after which the first connection says 421 and ends."""
        self.byte_by_byte = False
        self.dot = "250 2.0.0 queued"
        """Reply to the end of a mail."""
        self.refused: set[str] = set()
        """Recipients that are refused."""
        self.in_one_write: list[bool] = []
        """For each dot, whether the next envelope came with it."""
        self.commands: list[str] = []
        self.answered: list[str] = []
        """Ids of mails whose 250 was written completely."""
        self._written = self._replies = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_first = self.connections == 1
        self._written = self._replies = 0
        await self._say(writer, "220 ready", limited=is_first)
        sender = recipient = False
        while line := (await reader.readuntil(b"\n")).decode().strip():
            command = line.split()[0].upper()
            self.commands.append(command)
            reply = "250 ok"
            match command:
                case "EHLO":
                    reply = "250-here\r\n250-PIPELINING\r\n250 8BITMIME"
                case "MAIL":
                    reply, sender = ("503 5.5.1 nested MAIL", sender) if sender else ("250 ok", True)
                case "RSET":
                    sender = recipient = False
                case "RCPT":
                    known = line.partition("<")[2].partition(">")[0] not in self.refused
                    reply, recipient = ("250 ok", True) if known else ("550 5.1.1 nobody", recipient)
                case "DATA":
                    reply = "354 go on" if recipient else "554 5.5.1 no valid recipients"
                case "QUIT":
                    reply = "221 bye"
            await self._say(writer, reply, limited=is_first)
            if command == "DATA" and recipient:
                delivery = await self._take(reader)
                sender = recipient = False
                await self._say(writer, self.dot, limited=is_first)
                self.answered.append(delivery)
            if command == "QUIT":
                return

    async def _take(self, reader: asyncio.StreamReader) -> str:
        content = b""
        while (line := await reader.readuntil(b"\n")) != b".\r\n":
            content += line
        buffered = bytes(reader._buffer)  # type: ignore[attr-defined]  # what came in the same write
        self.in_one_write.append(b"MAIL FROM" in buffered and b"DATA\r\n" in buffered)
        delivery = content.partition(b"Message-ID: <")[2].partition(b"@")[0].decode()
        self.arrived += 1
        self.taken.append(delivery)
        return delivery

    async def _say(self, writer: asyncio.StreamWriter, reply: str, *, limited: bool) -> None:
        """Write a reply, or what is left of the replies of this connection. Then it ends."""
        if limited and self._replies == self.goodbye_after:
            writer.write(b"421 4.3.2 closing\r\n")
            raise EOFError
        self._replies += 1
        data = f"{reply}\r\n".encode()
        left = len(data) if self.cut_after is None or not limited else max(0, self.cut_after - self._written)
        self._written += len(data)
        for piece in [bytes([byte]) for byte in data[:left]] if self.byte_by_byte else [data[:left]]:
            writer.write(piece)
            await writer.drain()
            if self.byte_by_byte:
                await asyncio.sleep(0)
        if left < len(data):
            raise EOFError
