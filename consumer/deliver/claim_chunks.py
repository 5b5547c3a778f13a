"""Claims chunks, by a wake-up message or by their due date."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from consumer.context import ConsumerContext
from consumer.deliver.lease import Lease
from consumer.flow_control.slots import SlotKey
from core.ids import ChunkId
from ledger.chunk_port import Chunks, DueKind
from ledger.claims import ClaimRequest, ClaimResult
from schemas.statuses import Channel

Claim = Callable[[ClaimRequest], Awaitable[ClaimResult | None]]
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


class Claimer:
    """Claims chunks for this process, each under an owner name of its own."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context = context
        self._claims = asyncio.Semaphore(MAX_CONCURRENT_CLAIMS)

    async def claim_chunk(self, chunk_id: ChunkId) -> "LeasedChunk | None":
        """Claim the chunk that a wake-up message names."""
        return await self._claim(
            lambda request: self._context.ledger.chunks.claim(chunk_id, request), found_by_sweeper=False
        )

    async def claim_due(self, kind: SlotKey, *, never_claimed: bool = False) -> "LeasedChunk | None":
        """Claim the chunk of a lane and channel that has been due for longest.

        With `never_claimed`, the chunk must be one whose wake-up message led to no claim.
        """
        claim_due = self._context.ledger.chunks.claim_due
        return await self._claim(
            lambda request: claim_due(*kind, request, never_claimed=never_claimed),
            found_by_sweeper=True,
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

    async def _claim(
        self, claim: Claim, *, found_by_sweeper: bool, before_retry: Callable[[], Awaitable[None]] | None = None
    ) -> "LeasedChunk | None":
        context = self._context
        turns = {each: context.provider_caller.turns(context.providers.for_channel(each)) for each in Channel}
        request = ClaimRequest(f"{context.process_name}.{next(_numbers)}", context.tuning.lease_seconds, turns)

        async def try_claim() -> LeasedChunk | None:
            async with self._claims:
                asked_at = context.monotonic()  # The time of this try, because each accepted try starts the lease anew.
                claimed = await claim(request)
                if claimed is None:
                    return None
                lease = Lease(claimed.token, asked_at, context.monotonic, context.sleep)
                return LeasedChunk(claimed, lease, found_by_sweeper=found_by_sweeper)

        return await self._retry("claim", try_claim, before_retry)


class LeasedChunk:
    """A claimed chunk and its lease. It is not opened yet."""

    def __init__(self, claimed: ClaimResult, lease: Lease, *, found_by_sweeper: bool) -> None:
        self.lease = lease
        self.data_bytes = claimed.data_bytes
        """Number of bytes that the chunk has for its recipients. They may be left out of `claimed` until `load`."""
        self._is_complete = self.data_bytes <= MAX_WAITING_BYTES
        self.claimed = claimed if self._is_complete else claimed.without_data()
        self.found_by_sweeper = found_by_sweeper
        """True if the sweeper found this chunk. The consumer that wrote it may have crashed before it applied a cancel
        or pause, so the control flags must be read again."""

    def drop_data(self) -> None:
        """Leave out what the chunk says about its recipients until `load`, unless it is little."""
        if self.data_bytes > MAX_DATA_IN_LINE:
            self.claimed, self._is_complete = self.claimed.without_data(), False

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
