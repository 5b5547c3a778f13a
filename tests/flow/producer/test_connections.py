"""The HTTP protocol on real connections: what the service keeps for a caller that does not read or does not finish."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from producer.http.protocol import MAX_UNREAD_BODY_BYTES, BoundedHttpProtocol
from producer.http.small_reads import READ_BYTES, SmallReads
from tests.support.polling import wait_until

MIB = 1024 * 1024
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass
class App:
    """An app that answers each request with a megabyte, once it has read a part of the body."""

    started: int = 0
    bodies: list[bytes] = field(default_factory=list)
    may_read: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.started += 1
        if scope["method"] == "POST":
            await self.may_read.wait()
            self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % MIB)]})
        await send({"type": "http.response.body", "body": b"x" * MIB})


@asynccontextmanager
async def served(app: App) -> AsyncIterator[tuple[ServerState, int]]:
    """Serve on a free port. Yield the state of the server and the port."""
    config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()

    def protocol() -> Any:
        return SmallReads(config=config, server_state=state, app_state={})

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    try:
        yield state, server.sockets[0].getsockname()[1]
    finally:
        for connection in list(state.connections):
            connection.transport.close()
        server.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect, with a small buffer, so that what the caller does not read waits in the service."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def only(state: ServerState) -> BoundedHttpProtocol:
    (connection,) = state.connections
    assert isinstance(connection, BoundedHttpProtocol)
    return connection


async def test_a_pipelined_request_begins_only_after_the_last_response_was_read() -> None:
    app = App()
    async with served(app) as (state, port), connected(port) as (reader, writer):
        writer.write(REQUEST * 5)
        await wait_until(lambda: app.started == 1 and only(state).flow.write_paused)
        waiting = only(state).output.size
        for _ in range(20):
            await asyncio.sleep(0)
        assert app.started == 1
        assert only(state).output.size <= waiting, "one response waits at most"
        for _ in range(5):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(MIB)
        assert app.started == 5


async def test_a_connection_that_is_dropped_frees_its_output() -> None:
    app = App()
    async with served(app) as (state, port), connected(port) as (_, writer):
        writer.write(REQUEST * 5)
        await wait_until(lambda: app.started == 1 and only(state).flow.write_paused)
        only(state).output.drop()
        await wait_until(lambda: not state.connections)
        assert app.started == 1


async def test_a_body_that_nobody_reads_yet_takes_little_memory() -> None:
    app = App()
    async with served(app) as (state, port), connected(port) as (_, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (2 * MIB) + b"x" * MIB)
        await wait_until(lambda: app.started == 1 and only(state).flow.read_paused)
        app.may_read.set()
        await wait_until(lambda: bool(app.bodies))
        assert MAX_UNREAD_BODY_BYTES < len(app.bodies[0]) <= MAX_UNREAD_BODY_BYTES + READ_BYTES
