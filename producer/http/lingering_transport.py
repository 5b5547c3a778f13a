"""Transport of a connection that its protocol closes, so that the caller can read the response first."""

import asyncio
from collections.abc import Callable

from typing_extensions import override

from producer.http.unread_output import WRITE_BYTES


class LingeringTransport(asyncio.Transport):
    """A transport that the protocol closes. It has only the methods that uvicorn uses."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None], is_closing: Callable[[], bool]) -> None:
        super().__init__()
        self._transport = transport
        self._close = close
        self._is_closing = is_closing

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write in pieces, because the event loop keeps a whole object until its last byte is sent."""
        for start in range(0, len(data), WRITE_BYTES):
            self._transport.write(bytes(data[start : start + WRITE_BYTES]))

    @override
    def close(self) -> None:
        self._close()

    @override
    def is_closing(self) -> bool:
        return self._is_closing() or self._transport.is_closing()
