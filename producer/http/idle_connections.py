"""Connections without a request in progress. They give their place to new ones when there are too many."""

import asyncio
from collections.abc import Iterable


class IdleTime:
    """Time since which one connection has no request in progress: none yet, a part of its head, or an answered one."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self.since = 0.0

    @property
    def is_idle(self) -> bool:
        """Return whether the connection has no request in progress."""
        return self._transport is not None

    def begin(self, transport: asyncio.Transport, now: float) -> None:
        """Note that the connection has no request from now on."""
        self._transport, self.since = transport, now

    def end(self) -> None:
        """Note that a request begins, or that the connection is gone."""
        self._transport = None

    def close(self) -> None:
        """Close the connection at once."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()


def close_longest_idle(connections: Iterable[IdleTime]) -> bool:
    """Close the connection that has been idle for longest. Return whether there was one."""
    longest = min((idle for idle in connections if idle.is_idle), key=lambda idle: idle.since, default=None)
    if longest is None:
        return False
    longest.close()
    return True
