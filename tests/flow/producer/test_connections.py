"""The HTTP protocol on real connections: what the service keeps for a caller that does not read or does not finish."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from producer.http.protocol import MAX_CONNECTIONS, MAX_HEAD_BYTES, MAX_UNREAD_BODY_BYTES, BoundedHttpProtocol
from producer.http.small_reads import MANY_CHUNKS, READ_BYTES, SMALLEST_READ_BYTES, SmallReads
from tests.support.polling import wait_until

MIB = 1024 * 1024
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass
class App:
    """An app that answers each request with a megabyte, once it has read a part of the body."""

    started: int = 0
    bodies: list[bytes] = field(default_factory=list)
    scope: Scope = field(default_factory=dict)
    may_read: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.started += 1
        self.scope = scope
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


CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_fields_behind_a_body_do_not_become_header_fields() -> None:
    app = App()
    app.may_read.set()
    async with served(app) as (_, port), connected(port) as (reader, writer):
        writer.write(CHUNKED + b"3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    assert [name for name, _ in app.scope["headers"]] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize("endless", [b"0\r\n" + b"a: b\r\n" * MIB, b"0\r\na: " + b"b" * MIB, b"3;a=" + b"b" * MIB])
async def test_what_follows_a_chunk_before_the_next_one_is_bounded(endless: bytes) -> None:
    app = App()
    async with served(app) as (_, port), connected(port) as (reader, writer):
        writer.write(CHUNKED + b"3\r\nabc\r\n" + endless[: MAX_HEAD_BYTES - READ_BYTES])
        await wait_until(lambda: app.started == 1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(app.scope["headers"]) == 2
        writer.write(endless[: 2 * MAX_HEAD_BYTES])
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 431")


async def test_a_body_of_small_chunks_may_be_long() -> None:
    app = App()
    app.may_read.set()
    async with served(app) as (_, port), connected(port) as (reader, writer):
        writer.write(CHUNKED + b"1\r\na\r\n" * MAX_HEAD_BYTES + b"0\r\n\r\n" + REQUEST)
        for _ in range(2):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readexactly(MIB)


async def test_a_new_connection_takes_the_place_of_the_one_that_is_idle_for_longest() -> None:
    app = App()
    async with contextlib.AsyncExitStack() as stack, served(app) as (state, port):
        working = await stack.enter_async_context(connected(port))
        working[1].write(CHUNKED)
        await wait_until(lambda: app.started == 1)
        idle = [await stack.enter_async_context(connected(port)) for _ in range(MAX_CONNECTIONS - 1)]
        await wait_until(lambda: len(state.connections) == MAX_CONNECTIONS)
        reader, writer = await stack.enter_async_context(connected(port))
        writer.write(REQUEST)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await idle[0][0].read() == b""
        app.may_read.set()
        working[1].write(b"0\r\n\r\n")
        assert (await working[0].readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_a_connection_gets_a_503_if_all_others_have_a_request() -> None:
    app = App()
    async with contextlib.AsyncExitStack() as stack, served(app) as (_, port):
        for _ in range(MAX_CONNECTIONS):
            (await stack.enter_async_context(connected(port)))[1].write(CHUNKED)
        await wait_until(lambda: app.started == MAX_CONNECTIONS)
        reader, _ = await stack.enter_async_context(connected(port))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503")


async def test_a_body_of_many_small_chunks_is_read_in_small_pieces() -> None:
    app = App()
    config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None)
    config.load()
    connection = SmallReads(config=config, server_state=ServerState(), app_state={})
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: connection, "127.0.0.1", 0)
    async with connected(server.sockets[0].getsockname()[1]) as (_, writer):
        writer.write(CHUNKED)
        await wait_until(lambda: app.started == 1)
        assert len(connection.get_buffer(-1)) == READ_BYTES
        writer.write(b"1\r\na\r\n" * (MANY_CHUNKS + 1))
        await wait_until(lambda: len(connection.get_buffer(-1)) == SMALLEST_READ_BYTES)
        writer.write(b"%x\r\n%b\r\n" % (SMALLEST_READ_BYTES, b"a" * SMALLEST_READ_BYTES))
        await wait_until(lambda: len(connection.get_buffer(-1)) == READ_BYTES)
    server.close()
