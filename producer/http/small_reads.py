"""Reads of a few kilobytes from a connection, so that many connections take little memory."""

import asyncio
from typing import Any

from typing_extensions import override

from producer.http.protocol import BoundedHttpProtocol

READ_BYTES = 16 * 1024
"""Maximum number of bytes of one read. The event loop alone would read 256 KiB, and pause a caller only after that."""

SMALLEST_READ_BYTES = 1024
"""Maximum number of bytes of a read behind one with many chunks of a body. A chunk of one byte costs as much as one of
16 KiB, and all other connections wait while a read is parsed."""
MANY_CHUNKS = 32
"""Number of chunks of one read from which the next read is smaller."""


class SmallReads(asyncio.BufferedProtocol):
    """Adapter between the event loop and the HTTP protocol of one connection. It chooses the size of reads.

    The event loop fills the buffer and hands it over in one turn, so all connections share it.
    """

    _buffer = bytearray(READ_BYTES)

    def __init__(self, **kwargs: Any) -> None:
        self._protocol = BoundedHttpProtocol(**kwargs)

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self._protocol.connection_made(transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        size = SMALLEST_READ_BYTES if self._protocol.chunks_of_read > MANY_CHUNKS else READ_BYTES
        return memoryview(self._buffer)[:size]

    @override
    def buffer_updated(self, nbytes: int) -> None:
        self._protocol.data_received(bytes(self._buffer[:nbytes]))

    @override
    def eof_received(self) -> None:
        self._protocol.eof_received()

    @override
    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._protocol.resume_writing()
