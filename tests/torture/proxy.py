"""A network between the services and a server that can be made slow, lossy and silent while it is used."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from devstack.processes import free_port

PIECE_BYTES = 64 * 1024
PIECES_UNDER_WAY = 64


@dataclass(frozen=True)
class NetworkConditions:
    """What happens to the bytes; the default is a network without fault."""

    delay_seconds: float = 0.0
    """Before a piece of an answer goes on; what is sent to the server is not kept."""
    cut_chance: float = 0.0
    """That a piece is the last one of its connection, which is reset."""
    hang_chance: float = 0.0
    """That a piece is the last one of its connection, which stays open."""
    silent: bool = False
    """Nothing passes in either direction, and no connection is told; what was under way goes on afterwards."""


class Proxy:
    """Forwards connections of one port to another, with a thread of its own: who steers it may block."""

    def __init__(self, target_port: int, seed: int) -> None:
        self.port, self._target_port = free_port(), target_port
        self._random = random.Random(seed)
        self._weather = NetworkConditions()
        self._loop = asyncio.new_event_loop()
        self._passing, self._stopping = asyncio.Event(), asyncio.Event()
        self._connections: set[Connection] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def weather(self) -> NetworkConditions:
        return self._weather

    @weather.setter
    def weather(self, weather: NetworkConditions) -> None:
        self._weather = weather
        self._loop.call_soon_threadsafe(self._passing.clear if weather.silent else self._passing.set)

    def cut(self) -> None:
        """Reset every connection that there is; new ones are welcome."""
        self._loop.call_soon_threadsafe(lambda: [connection.abort() for connection in self._connections])

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        started = threading.Event()
        thread = threading.Thread(target=self._run, args=[started], name=f"proxy {self.port}", daemon=True)
        thread.start()
        assert started.wait(10), "the proxy does not start"
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stopping.set)
            thread.join(10)

    def _run(self, started: threading.Event) -> None:
        async def serve() -> None:
            self._passing.set()
            server = await asyncio.start_server(self._forward, "127.0.0.1", self.port, backlog=500)
            async with server:
                started.set()
                await self._stopping.wait()
            while self._connections:
                for connection in self._connections:
                    connection.abort()
                await asyncio.sleep(0.01)

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(serve())

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, writer)
        self._connections.add(connection)
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            connection.writers.append(server_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.forward(reader, server_writer, answers=False))
                group.create_task(connection.forward(server_reader, writer, answers=True))
        except* (OSError, EOFError):
            pass  # one side is gone, so that the other is told
        finally:
            self._connections.discard(connection)
            connection.abort()


class Connection:
    """One connection through a proxy."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self._proxy, self.writers = proxy, [client]

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        """One direction, until a side is gone; raises OSError or EOFError then."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES_UNDER_WAY)
        now = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(pieces, writer))
            while piece := await reader.read(PIECE_BYTES):
                delay = self._proxy.weather.delay_seconds if answers else 0.0
                await pieces.put((now() + delay, piece))
            raise EOFError

    async def _deliver(self, pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - now())
            await self._fate()
            writer.write(piece)
            await writer.drain()

    async def _fate(self) -> None:
        """Let a piece pass when its time has come; raises ConnectionResetError where it is lost with its connection."""
        await self._proxy._passing.wait()
        weather, drawn = self._proxy.weather, self._proxy._random.random()
        if drawn < weather.cut_chance:
            raise ConnectionResetError
        if drawn < weather.cut_chance + weather.hang_chance:
            await asyncio.Event().wait()
