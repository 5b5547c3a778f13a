"""Bounds on output that callers do not read: in time for each connection, in bytes for all of them."""

import asyncio
from collections.abc import Iterable

UNREAD_WINDOW_SECONDS = 10
"""Time in seconds within which a caller must read the bytes of one window."""
MIN_READ_BYTES = 160 * 1024
"""Minimum number of bytes that a caller must read in one window, if so many wait."""
MAX_UNREAD_BYTES = 32 * 1024 * 1024
"""Maximum number of bytes that wait on all connections. Beyond it, the one that has waited longest is closed."""
SEND_BUFFER_BYTES = 64 * 1024
"""Buffer of the kernel for the output of one connection. Linux doubles it. Without a bound it grows to megabytes."""
WRITE_BYTES = 64 * 1024
"""Size in bytes of the pieces in which an answer is written."""


class UnreadOutput:
    """Output of one connection, from the moment at which the caller reads more slowly than the service writes."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._size_before = 0
        self.waiting_since: float | None = None

    @property
    def size(self) -> int:
        """Return the number of bytes that wait."""
        return self._transport.get_write_buffer_size()

    def begin(self) -> None:
        """Watch the output from now on."""
        self.waiting_since = self._loop.time()
        self._watch()

    def end(self) -> None:
        """Stop watching: the caller has read the output, or the connection is gone."""
        self.waiting_since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def drop(self) -> None:
        """Close the connection at once, and free what waits."""
        self.end()
        self._transport.abort()

    def _watch(self) -> None:
        self._size_before = self.size
        self._timer = self._loop.call_later(UNREAD_WINDOW_SECONDS, self._check)

    def _check(self) -> None:
        if self._size_before - self.size < MIN_READ_BYTES:
            self.drop()
        else:
            self._watch()


def drop_oldest_output(outputs: Iterable[UnreadOutput]) -> None:
    """Close connections whose output has waited longest, until the rest is within `MAX_UNREAD_BYTES`."""
    waiting = [(output.waiting_since, output) for output in outputs if output.waiting_since is not None]
    total = sum(output.size for _, output in waiting)
    for _, output in sorted(waiting, key=lambda pair: pair[0]):
        if total <= MAX_UNREAD_BYTES:
            return
        total -= output.size
        output.drop()
