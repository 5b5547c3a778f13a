"""Requests and responses as bytes."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from cli.admin.development_token import issue_token
from tests.support.service import BULK, GOOD, SECRET

DAY = 86_400


def token(*scopes: str, tenant: str = "tnt_a") -> str:
    return issue_token(SECRET, tenant, "usr_a", scopes or ("communication:send",), DAY)


TOKEN = token()


@dataclass(frozen=True)
class Hostile:
    """A hostile request and the response that it must get."""

    name: str
    raw: bytes | Callable[[], bytes]
    status: int
    message: str = ""
    """Text that the message must contain."""

    def bytes(self) -> bytes:
        return self.raw if isinstance(self.raw, bytes) else self.raw()


def head(line: str, *fields: str) -> bytes:
    return "\r\n".join([line, "Host: rollcall", *fields, "", ""]).encode("latin-1")


def post(
    body: bytes = orjson.dumps(GOOD),
    *fields: str,
    path: str = BULK,
    bearer: str | None = TOKEN,
    media: str | None = "application/json",
    length: int | str | None = None,
) -> bytes:
    """Return a POST with its length. `length` sets another one. None in `media` or `bearer` omits that header."""
    known = [f"Content-Length: {len(body) if length is None else length}"]
    known += [f"Content-Type: {media}"] if media is not None else []
    known += [f"Authorization: Bearer {bearer}"] if bearer is not None else []
    return head(f"POST {path} HTTP/1.1", *known, *fields) + body


def chunked(*chunks: bytes) -> bytes:
    """Return a valid head with these bytes as chunks."""
    fields = ("Content-Type: application/json", f"Authorization: Bearer {TOKEN}", "Transfer-Encoding: chunked")
    return head(f"POST {BULK} HTTP/1.1", *fields) + b"".join(chunks)


@dataclass(frozen=True)
class Answer:
    """The response to one request."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(port: int, raw: bytes, seconds: float = 30) -> Answer:
    """Send a request and read its response. The server may answer and close before everything is sent."""
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sending = asyncio.create_task(_send(writer, raw))
        try:
            return await read_answer(reader, no_body=raw.startswith(b"HEAD "))
        finally:
            sending.cancel()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _send(writer: asyncio.StreamWriter, raw: bytes) -> None:
    with contextlib.suppress(OSError):
        for start in range(0, len(raw), 65_536):
            writer.write(raw[start : start + 65_536])
            await writer.drain()


async def read_answer(reader: asyncio.StreamReader, *, no_body: bool = False) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    version, status, *_ = first.split(" ")
    assert version == "HTTP/1.1"
    body = b"" if no_body else await reader.readexactly(int(headers["content-length"]))
    return Answer(int(status), headers, body)
