"""A lease as its owner sees it: by its own monotonic clock, never longer than the server's (I3)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from ledger.chunk_port import Chunks
from ledger.claims import ClaimToken
from ledger.errors import LedgerUnavailable


class LeaseLost(Exception):  # noqa: N818  # a state of the world, not a mistake
    """Another owner took over, or may have: stop sending, publish nothing more."""


class Lease:
    """Extended by every write that the ledger accepted, from the moment before it was asked."""

    def __init__(
        self,
        token: ClaimToken,
        asked_at: float,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.token, self._monotonic, self._sleep = token, monotonic, sleep
        self._ends = asked_at + token.lease_seconds
        self._refused = False

    @property
    def alive(self) -> bool:
        """Whether a call may still begin."""
        return not self._refused and self._monotonic() < self._ends

    def extend_from(self, asked_at: float) -> None:
        """Note that a write asked for at this moment was accepted."""
        self._ends = asked_at + self.token.lease_seconds

    def mark_lost(self) -> LeaseLost:
        """Note that a write was refused."""
        self._refused = True
        return LeaseLost(self.token.chunk_id)

    @contextlib.asynccontextmanager
    async def keep_alive(self, chunks: Chunks) -> AsyncIterator[None]:
        """Renew every third of the lease while the block runs."""
        keeper = asyncio.create_task(self._keep(chunks))
        try:
            yield
        finally:
            keeper.cancel()

    async def renew(self, chunks: Chunks) -> bool:
        """Extend it, also after it ended: the ledger grants that where nobody took over. Raises LedgerUnavailable."""
        asked_at = self._monotonic()
        if not self._refused and await chunks.renew(self.token):
            self.extend_from(asked_at)
            return True
        self._refused = True
        return False

    async def _keep(self, chunks: Chunks) -> None:
        while not self._refused:
            await self._sleep(self.token.lease_seconds / 3)
            with contextlib.suppress(LedgerUnavailable):
                await self.renew(chunks)
