"""Room for large records of an intake topic. Small ones pass them, so that none waits for the large ones of others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config.memory_allocator import give_back_freed_memory

LARGE_BYTES = 16 * 1024
"""Size above which a record is large, in bytes."""
MAX_EXPANDED_BYTES = 512 * 1024
"""Maximum size of the large records that are expanded at the same time, in bytes. A larger one is expanded alone."""
MAX_READ_BYTES = 1_536 * 1024
"""Maximum size of the large records that are read, in bytes: those that are expanded, and those that wait."""
MAX_READ_RECORDS = 8
"""Maximum number of large records that are read."""


class LargeRecords:
    """Large records that were read. They are expanded in the order in which they were read."""

    def __init__(self) -> None:
        self._turn, self._freed = asyncio.Lock(), asyncio.Event()
        self._number_read = self._bytes_read = self._bytes_expanded = 0

    def has_room(self, size: int) -> bool:
        """Return whether a record may be read."""
        return not self._number_read or (
            self._number_read < MAX_READ_RECORDS and self._bytes_read + size <= MAX_READ_BYTES
        )

    def read(self, size: int) -> None:
        """Note that a record was read."""
        self._number_read += 1
        self._bytes_read += size

    def done(self, size: int) -> None:
        """Note that a record that was read is done."""
        self._number_read -= 1
        self._bytes_read -= size

    @asynccontextmanager
    async def expanding(self, size: int) -> AsyncIterator[None]:
        """Wait until a record may be expanded. Its expansion is the block.

        After it, its memory is given back. What the parser needed for one record would otherwise be added to the next.
        """
        async with self._turn:
            while self._bytes_expanded and self._bytes_expanded + size > MAX_EXPANDED_BYTES:
                self._freed.clear()
                await self._freed.wait()
            self._bytes_expanded += size
        try:
            yield
        finally:
            self._bytes_expanded -= size
            self._freed.set()
            give_back_freed_memory()
