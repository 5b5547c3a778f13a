"""The lease of a chunk by the monotonic clock of its owner. It never ends later than by the clock of MongoDB (I3)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from ledger.chunk_port import Chunks
from ledger.claims import ClaimToken
from ledger.errors import LedgerUnavailable
from ledger.models import ControlFlags


class LeaseLost(Exception):  # noqa: N818  # It reports a state and not a mistake.
    """Another owner took over or may have done so. The worker must not send or publish any more."""


class Lease:
    """A lease that every accepted write extends, counted from the moment before the write."""

    def __init__(
        self,
        token: ClaimToken,
        asked_at: float,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.token, self._monotonic, self._sleep = token, monotonic, sleep
        self._ends_at = asked_at + token.lease_seconds
        self._refused = False
        self.on_renewed: Callable[[ControlFlags], None] | None = None
        """Learns the control flags that a renewal reads. So a cancel reaches the deliveries of a slow window."""

    @property
    def alive(self) -> bool:
        """Return whether a provider call may still begin."""
        return not self._refused and self._monotonic() < self._ends_at

    def extend_from(self, asked_at: float) -> None:
        """Record that a write which began at this moment was accepted."""
        self._ends_at = asked_at + self.token.lease_seconds

    def mark_lost(self) -> LeaseLost:
        """Record that a write was refused. Return the error to raise."""
        self._refused = True
        return LeaseLost(self.token.chunk_id)

    @contextlib.asynccontextmanager
    async def keep_alive(self, chunks: Chunks) -> AsyncIterator[None]:
        """Renew the lease while the block runs, each time after a third of it."""
        renewal = asyncio.create_task(self._renew_periodically(chunks))
        try:
            yield
        finally:
            renewal.cancel()

    async def renew(self, chunks: Chunks) -> bool:
        """Extend the lease, and return whether the ledger accepted it. Raise LedgerUnavailable.

        The ledger also accepts it after the lease ended, unless another owner took over.
        """
        asked_at = self._monotonic()
        flags = None if self._refused else await chunks.renew(self.token)
        if flags is not None:
            self.extend_from(asked_at)
            if self.on_renewed:
                self.on_renewed(flags)
            return True
        self._refused = True
        return False

    async def _renew_periodically(self, chunks: Chunks) -> None:
        while not self._refused:
            await self._sleep(self.token.lease_seconds / 3)
            with contextlib.suppress(LedgerUnavailable):
                await self.renew(chunks)
