"""Claims chunks, by a wake-up message or by their due date."""

import itertools
from collections.abc import Awaitable, Callable

from consumer.context import ConsumerContext
from consumer.deliver.lease import Lease
from consumer.flow_control.slots import SlotKey
from core.ids import ChunkId
from ledger.claims import ClaimRequest, ClaimResult
from schemas.statuses import Channel

Take = Callable[[ClaimRequest], Awaitable[ClaimResult | None]]


OUTAGE_GRACE_SECONDS = 4.0
"""How long nothing is taken over after MongoDB was away, a third of a lease at most: a worker that waited for it asks
again within 3 s, and writes what it knows first."""


_numbers = itertools.count(1)
"""Of all claims of this process, whichever claimer makes them: a name used twice would hide a take-over."""


class Claimer:
    """Claims chunks for this process, each claim under a name of its own."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context = context
        self._names = {channel: tuple(p.name for p in context.providers.for_channel(channel)) for channel in Channel}

    async def claim_chunk(self, chunk_id: ChunkId) -> "LeasedChunk | None":
        """Claim the chunk that a wake-up call names."""
        return await self._take(lambda claim: self._context.ledger.chunks.claim(chunk_id, claim), uncalled=False)

    async def claim_due(self, kind: SlotKey, *, never_claimed: bool = False) -> "LeasedChunk | None":
        """Claim what waits longest of a channel in a lane; with `fresh`, what a wake-up call should have brought."""
        due = self._context.ledger.chunks.claim_due
        return await self._take(
            lambda claim: due(*kind, claim, never_claimed=never_claimed), uncalled=True, again=self._after_outage
        )

    async def _after_outage(self) -> None:
        """Wait until MongoDB answers, and then until who waited for it as well has written what it knows."""
        context = self._context
        await context.ledger.ping()
        await context.sleep(min(OUTAGE_GRACE_SECONDS, context.tuning.lease_seconds / 3))

    async def _take(
        self, take: Take, *, uncalled: bool, again: Callable[[], Awaitable[None]] | None = None
    ) -> "LeasedChunk | None":
        """Claim; `again` is done before each further try."""
        context = self._context
        claim = ClaimRequest(f"{context.process_name}.{next(_numbers)}", context.tuning.lease_seconds, self._names)

        tries = itertools.count()

        async def ask() -> LeasedChunk | None:
            if next(tries) and again:
                await again()
            asked_at = context.monotonic()  # of this try: each one that is accepted starts the lease anew
            claimed = await take(claim)
            if claimed is None:
                return None
            return LeasedChunk(
                claimed, Lease(claimed.token, asked_at, context.monotonic, context.sleep), uncalled=uncalled
            )

        return await context.retry_until_available("claim", ask)


class LeasedChunk:
    """A claimed chunk and its lease, not opened yet."""

    def __init__(self, claimed: ClaimResult, lease: Lease, *, uncalled: bool) -> None:
        self.claimed, self.lease = claimed, lease
        self.found_by_sweeper = uncalled
        """True if the sweeper found this chunk. The consumer that wrote it may have crashed before it applied a cancel
        or pause, so the control flags must be read again."""

    @property
    def is_first_claim(self) -> bool:
        """Whether nobody had it before; what was, waits for a retry perhaps, which is as urgent as a small request."""
        return self.claimed.token.fence == 1
