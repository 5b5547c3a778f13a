"""Mail server that refuses, waits, cuts and says too much at random, and knows what it took."""

import asyncio
from random import Random

from tests.contract.providers.servers import Peer

REFUSALS = ["421 4.3.2 bye", "432 4.3.2 full", "450 4.2.1 busy", "503 5.5.1 no", "535 5.7.8 no", "550 5.1.1 no"]
STRANGE = ["354 go on", "250 ok", "250-ok", "hm", "", "250-ok\r\n550 no", "220 hello", "777 what"]
USUAL = {"EHLO": "250-here\r\n250 8BITMIME", "DATA": "354 go on", "QUIT": "221 bye"}


class RandomMailServer(Peer):
    """Mail server whose faults follow from a seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = Random(seed)
        self._fault_rate = self._random.choice([0.01, 0.05, 0.2])
        """Probability of a fault at each reply."""
        self.answered: set[str] = set()
        """Ids of the mails whose 250 was written completely."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipelining = self._random.random() < 0.7
        await self._say(reader, writer, "220 ready")
        has_recipient = False
        while command := (await reader.readuntil(b"\n")).decode().split()[0]:
            reply = USUAL.get(command, "250 ok")
            if command == "EHLO" and pipelining:
                reply = f"250-PIPELINING\r\n{reply}"
            if command == "DATA" and not has_recipient:
                reply = "554 5.5.1 no valid recipients"
            said = await self._say(reader, writer, reply)
            if command in {"MAIL", "RSET"}:
                has_recipient = False
            elif command == "RCPT":
                has_recipient = said.startswith("250")
            elif command == "DATA" and said.startswith("354"):
                await self._take(reader, writer, is_wanted=has_recipient)
                has_recipient = False

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_wanted: bool) -> None:
        content = b""
        while (line := await reader.readuntil(b"\n")) != b".\r\n":
            content += line
        delivery = content.partition(b"Message-ID: <")[2].partition(b"@")[0].decode()
        reply = self._random.choice(["554 5.6.0 no", "451 4.3.0 later", "421 4.3.2 bye"])
        if is_wanted and self._random.random() > self._fault_rate:
            self.taken.append(delivery)
            reply = "250 2.0.0 queued"
        await self._say(reader, writer, reply, ends=delivery)

    async def _say(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: str, *, ends: str | None = None
    ) -> str:
        """Write the reply or another one, and return it. The reply that ends a mail is true, if it comes."""
        fault = self._random.choice(_FAULTS) if self._random.random() < self._fault_rate else ""
        if fault == "other" and ends is None:
            reply = self._random.choice(REFUSALS + STRANGE)
        elif fault == "wait":
            await asyncio.sleep(self._random.random() / 10)
        elif fault == "hang":
            await reader.read()
            raise EOFError
        said = f"{reply}\r\n".encode()
        if fault == "surplus":
            said += f"{self._random.choice(REFUSALS + STRANGE)}\r\n".encode()
        elif fault in {"cut", "reset"}:
            said = said[: self._random.randrange(len(said) + 1)]
        # Nobody can tell a reply too many that comes alone and late from the one that was due.
        middle = 0 if fault == "surplus" else self._random.randrange(len(said) + 1)
        for piece in (said[:middle], said[middle:]):
            writer.write(piece)
            await asyncio.sleep(0)
        if ends is not None and said.startswith(b"250 2.0.0 queued\r\n"):
            self.answered.add(ends)
        if fault == "reset":
            writer.transport.abort()
        if fault in {"cut", "reset"} or reply.startswith("421"):
            raise EOFError
        return reply


_FAULTS = ["other", "wait", "wait", "hang", "surplus", "cut", "reset"]
