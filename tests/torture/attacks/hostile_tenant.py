"""The tenant that attacks: its tokens, its calls, and a count of what they are answered with."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cli.admin.development_token import issue_token
from schemas.topic_definitions import Topics

TENANT = "tnt_hostile"
COUNTS = "counts: "
"""Begins the line with the counts of all answers, which the process of the attacks prints at its end."""
ATTACKING = "attacking"
EACH_MADE = "each attack was made"
ANSWER_SECONDS = 60.0
_SCOPES = ["communication:send", "communication:read"]
Head = Mapping[str, str]


@dataclass
class HostileTenant:
    """A tenant of the producer at `url`, that may write to the intake too."""

    url: str
    env: Mapping[str, str]
    rng: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    """How often each attack met each answer."""
    attack: str = ""

    def __post_init__(self) -> None:
        secret = self.env["ROLLCALL_JWT_SECRET"]
        # Each attack has a token of its own, so that the tenant reaches its own limit, and not that of one token.
        self.token = issue_token(secret, TENANT, f"usr_{self.attack}", _SCOPES, 3600)

    @property
    def topics(self) -> Topics:
        return Topics(self.env["ROLLCALL_TOPIC_PREFIX"])

    def doing(self, name: str) -> "HostileTenant":
        """The same tenant, whose answers count for this attack."""
        return HostileTenant(self.url, self.env, random.Random(self.rng.random()), self.counts, name)

    def count(self, answer: object) -> None:
        self.counts[f"{self.attack} {answer}"] += 1

    def number(self) -> str:
        """Some number of a phone in China."""
        return f"138{self.rng.randrange(100_000_000):08d}"

    def head(self, method: str, path: str, headers: Head, length: int = 0) -> bytes:
        """The head of a call with this tenant's token."""
        said = {"Host": "x", "Authorization": f"Bearer {self.token}", "Content-Length": str(length), **headers}
        if length:
            said = {"Content-Type": "application/json", **said}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def call(self, method: str, path: str, body: bytes = b"", headers: Head | None = None) -> int | None:
        """Make one call over its own connection; its status, None where it is cut."""
        async with self.connection() as connection:
            return await connection.call(self.head(method, path, headers or {}, len(body)) + body)
        return None

    async def post(self, body: Mapping[str, Any], headers: Head | None = None) -> int | None:
        """Post a request."""
        return await self.call("POST", "/communication/bulk", json.dumps(body).encode(), headers)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Connection"]:
        """One connection to the producer; an end by the other side ends the block."""
        host, port = urlsplit(self.url).hostname, urlsplit(self.url).port
        writer = None
        try:
            reader, writer = await asyncio.open_connection(host, port)
            yield Connection(reader, writer, self)
        except (OSError, EOFError, TimeoutError) as error:
            self.count(type(error).__name__)
        finally:
            if writer is not None:
                with suppress(OSError):
                    writer.transport.abort()


@dataclass
class Connection:
    """One connection of HTTP/1.1 that stays open."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    hostile: HostileTenant

    async def call(self, request: bytes) -> int:
        """Send a request and read its answer."""
        self.writer.write(request)
        return await self.answer()

    async def answer(self) -> int:
        """Read one answer; its status."""
        async with asyncio.timeout(ANSWER_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            if length := head.partition("content-length:")[2].partition("\r\n")[0].strip():
                await self.reader.readexactly(int(length))
            elif "chunked" in head:
                while not (await self.reader.readuntil(b"\r\n")).startswith(b"0\r\n"):
                    await self.reader.readuntil(b"\r\n")
        status = int(head.split(" ", 2)[1])
        self.hostile.count(status)
        return status


Bout = Callable[[HostileTenant], Awaitable[object]]


@dataclass(frozen=True)
class Attack:
    """One attack, with the time between its bouts."""

    name: str
    harm: str
    """What it could cost the others."""
    bout: Bout
    pause_seconds: float


ATTACKS: dict[str, Attack] = {}


def attack(harm: str, *, pause_seconds: float = 0.1) -> Callable[[Bout], Bout]:
    """Make an attack of a function that does one bout."""

    def registered(bout: Bout) -> Bout:
        name = bout.__name__.replace("_", "-")  # type: ignore[attr-defined]
        ATTACKS[name] = Attack(name, harm, bout, pause_seconds)
        return bout

    return registered
