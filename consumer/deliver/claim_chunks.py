"""Claims chunks, by a wake-up message or by their due date."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection
from contextlib import nullcontext
from enum import Enum, auto
from functools import partial
from typing import TypeVar

from consumer.context import ConsumerContext
from consumer.deliver.lease import Lease
from consumer.flow_control.slots import SlotKey
from core.ids import ChunkId
from ledger.chunk_port import Chunks, DueKind
from ledger.claims import Claim, ClaimRequest, ClaimResult

T = TypeVar("T")


OUTAGE_GRACE_SECONDS = 4.0
"""Minimum time without take-overs after a MongoDB outage, in seconds. It is a third of the lease at most.

A worker that waited for MongoDB tries again within 3 s, so it can write its results before a take-over."""
MAX_CONCURRENT_CLAIMS = 12
"""Maximum number of claims that wait for their chunk at the same time. Its size is not known before."""
MAX_WAITING_BYTES = 128 * 1024
"""Maximum size of what a chunk says about its recipients while it waits for room, in bytes. More is read again."""
MAX_DATA_IN_LINE = 8 * 1024
"""The same while other chunks wait as well. All slots together then keep little."""


_numbers = itertools.count(1)
"""Numbers for the owner names of all claims of this process. A name used twice would hide a take-over."""


class ClaimOrigin(Enum):
    """Way in which a process found the chunk that it claimed."""

    NEW = auto()
    """It wrote the chunk with its claim."""
    WAKE_UP = auto()
    SWEEPER = auto()


class Claimer:
    """Claims chunks for this process, each under an owner name of its own."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context = context
        self._claims = asyncio.Semaphore(MAX_CONCURRENT_CLAIMS)

    async def claim_chunk(self, chunk_id: ChunkId) -> "LeasedChunk | None":
        """Claim the chunk that a wake-up message names."""
        return await self.claim(partial(self._context.ledger.chunks.claim, chunk_id), ClaimOrigin.WAKE_UP)

    async def claim_due(self, kind: SlotKey, *, never_claimed: bool = False) -> "LeasedChunk | None":
        """Claim the chunk of a lane and channel that has been due for longest.

        With `never_claimed`, the chunk must be one whose wake-up message led to no claim.
        """
        claim_due = self._context.ledger.chunks.claim_due
        return await self.claim(
            lambda request: claim_due(*kind, request, never_claimed=never_claimed),
            ClaimOrigin.SWEEPER,
            before_retry=self._wait_after_outage,
        )

    async def find_due(self) -> Collection[DueKind]:
        """Return the kinds of chunks that are due: lane, channel, and whether they were never claimed."""
        find_due = self._context.ledger.chunks.find_due
        return await self._retry("search for due chunks", find_due, self._wait_after_outage)

    async def _retry(
        self, step: str, operation: Callable[[], Awaitable[T]], before_retry: Callable[[], Awaitable[None]] | None
    ) -> T:
        """Repeat an operation until MongoDB is available, each time after another wait if there is one."""
        tries = itertools.count()

        async def attempt() -> T:
            if next(tries) and before_retry:
                await before_retry()
            return await operation()

        return await self._context.retry_until_available(step, attempt)

    async def _wait_after_outage(self) -> None:
        """Wait until MongoDB answers and the owners that also waited for it had time to write their results."""
        context = self._context
        await context.ledger.ping()
        await context.sleep(min(OUTAGE_GRACE_SECONDS, context.tuning.lease_seconds / 3))

    async def claim(
        self, claim: Claim, origin: ClaimOrigin, *, before_retry: Callable[[], Awaitable[None]] | None = None
    ) -> "LeasedChunk | None":
        """Claim a chunk with a call of the ledger."""
        context = self._context
        in_line = nullcontext() if origin is ClaimOrigin.NEW else self._claims  # A new chunk is in memory already.
        request = ClaimRequest(f"{context.process_name}.{next(_numbers)}", context.tuning.lease_seconds)

        async def try_claim() -> LeasedChunk | None:
            async with in_line:
                asked_at = context.monotonic()  # The time of this try, because each accepted try starts the lease anew.
                claimed = await claim(request)
                if claimed is None:
                    return None
                lease = Lease(claimed.token, asked_at, context.monotonic, context.sleep)
                return LeasedChunk(claimed, lease, origin)

        return await self._retry("claim", try_claim, before_retry)


class LeasedChunk:
    """A claimed chunk and its lease. It is not opened yet."""

    def __init__(self, claimed: ClaimResult, lease: Lease, origin: ClaimOrigin) -> None:
        self.lease = lease
        self.data_bytes = claimed.data_bytes
        """Number of bytes that the chunk has for its recipients. They may be left out of `claimed` until `load`."""
        self._is_complete = self.data_bytes <= MAX_WAITING_BYTES
        self.claimed = claimed if self._is_complete else claimed.without_data()
        self._origin = origin

    def drop_data(self) -> None:
        """Leave out what the chunk says about its recipients until `load`, unless it is little."""
        if self.data_bytes > MAX_DATA_IN_LINE:
            self.claimed, self._is_complete = self.claimed.without_data(), False

    @property
    def found_by_sweeper(self) -> bool:
        """Return whether the sweeper found the chunk, and the control flags must be read again.

        The consumer that wrote the chunk may have crashed before it applied a cancel or pause.
        """
        return self._origin is ClaimOrigin.SWEEPER

    @property
    def may_lack_accepted(self) -> bool:
        """Return whether this owner must publish `request.accepted`, because nobody else may have done it.

        A wake-up message is published after the event.
        """
        return self.claimed.chunk.work.accepted_pending and self._origin is not ClaimOrigin.WAKE_UP

    @property
    def is_first_claim(self) -> bool:
        """Return whether the chunk had no owner before. A later claim may be a retry, as urgent as express."""
        return self.claimed.token.fence == 1

    async def load(self, chunks: Chunks) -> None:
        """Read what was left out. Raise LeaseLost if the chunk is gone."""
        if self._is_complete:
            return
        stored = await chunks.get(self.claimed.chunk.id)
        if stored is None:
            raise self.lease.mark_lost()
        self.claimed, self._is_complete = self.claimed.with_data_of(stored), True
