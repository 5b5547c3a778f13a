"""Writes to a claimed chunk. The ledger refuses each of them after another owner took over (I3)."""

from datetime import datetime

from consumer.context import ConsumerContext
from consumer.deliver.lease import Lease
from core.chunk_work import Counts, Window, Work, without_outcome
from core.money import Cost
from ledger.models import Chunk, Completion, ControlFlags


class FencedWrites:
    """The writes of one claim. Each raises LeaseLost if it was refused."""

    def __init__(self, lease: Lease, chunk: Chunk, context: ConsumerContext) -> None:
        self._lease, self._lane, self._context = lease, chunk.lane, context
        self._chunks = context.ledger.chunks
        self._with_secrets = chunk.sealed_secrets.keys()

    async def advance(self, work: Work, window: Window | None) -> ControlFlags:
        """Write the work and the next window. Return the control flags of the request."""
        erased = self._with_outcome(work, window)

        async def write() -> ControlFlags | None:
            asked_at = self._context.monotonic()
            flags = await self._chunks.advance(self._lease.token, work, window, erased)
            if flags is not None:
                self._lease.extend_from(asked_at)
            return flags

        flags = await self._context.retry_until_available("advance", write)
        if flags is None:
            raise self._lease.mark_lost()
        self._context.readiness.record_progress(self._lane)
        return flags

    async def release(self, work: Work, due_at: datetime | None) -> None:
        """Put the chunk back until it is due."""
        release, token, erased = self._chunks.release, self._lease.token, self._with_outcome(work, None)
        self._expect(written=await self._context.retry_until_available("release", release, token, work, due_at, erased))

    async def close(self, counts: Counts, cost: Cost) -> Completion | None:
        """Close the chunk with its counts. Return the completion of a small request that the same write completes."""
        ledger, token = self._context.ledger, self._lease.token
        if not token.in_request:
            close = self._chunks.close
            self._expect(written=await self._context.retry_until_available("close", close, token, counts, cost))
            return None
        close_small, now = ledger.requests.close_small, ledger.now()
        completion = await self._context.retry_until_available("close", close_small, token, counts, now, cost)
        self._expect(written=completion is not None)
        return completion

    async def still_owns(self) -> bool:
        """Return whether this owner may go on. A lease that ended, perhaps in an outage, is renewed if possible."""
        renew = self._lease.renew
        return self._lease.alive or await self._context.retry_until_available("renew", renew, self._chunks)

    def _with_outcome(self, work: Work, window: Window | None) -> list[int]:
        """Return the deliveries whose secret variables nobody needs any more. No owner will send these again."""
        return sorted(self._with_secrets - without_outcome(work, window)) if self._with_secrets else []

    def _expect(self, *, written: bool) -> None:
        if not written:
            raise self._lease.mark_lost()
        self._context.readiness.record_progress(self._lane)
