"""Protocol of the requests in the ledger. The other Protocols are in ledger/ports.py."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.chunk_work import Counts
from core.ids import ChunkId, RequestKey
from core.money import NO_COST, Cost
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.models import Chunk, Completion, ControlFlags, Part, RequestHeader, StoredRequest
from ledger.queries import RequestPage, RequestQuery


class Requests(Protocol):
    """Requests, one document each: the header, the parts and their expansion, the completion."""

    async def register_part(self, header: RequestHeader, part: Part) -> StoredRequest:
        """Create the request if it does not exist, and register the part unless it is refused.

        Return the stored request. The first header, and the first body of a part, stay. A part is refused, and then
        absent from the result, in these cases:

        - The intake of the request is closed.
        - The part comes after the last part.
        - The stored header has another digest or sealing key. It is then a part of another request, or its digests
          cannot be compared.
        """

    async def insert_small(self, header: RequestHeader, part: Part, chunk: Chunk) -> bool:
        """Write a request of one part with its only chunk, as one document. The part counts as expanded.

        If the request exists, change nothing and return False.
        """

    async def insert_small_claimed(
        self, header: RequestHeader, part: Part, chunk: Chunk, claim: ClaimRequest
    ) -> ClaimResult | None:
        """Do the same, and claim the chunk with the same write. Return None if the request exists.

        If an earlier call with this claim wrote the request, the call extends the lease and returns the same result.
        """

    async def close_small(
        self, token: ClaimToken, counts: Counts, completed_at: datetime, cost: Cost = NO_COST
    ) -> Completion | None:
        """Close the chunk of a small request, store the completion, and erase all secret variables, in one write.

        Return the completion, or None if another owner took over. `completed_at` is a time of `Ledger.now`, so that
        nothing must be read back.
        """

    async def mark_part_expanded(self, key: RequestKey, part: int) -> StoredRequest:
        """Add a part to those whose chunks are all written. Return the stored request with its control flags."""

    async def get(self, key: RequestKey) -> StoredRequest | None:
        """Return the request as the primary has it."""

    async def completion(self, key: RequestKey) -> Completion | None:
        """Return the completion of the request as the primary has it, or None. It is read often, and little of it."""

    async def cancel(self, key: RequestKey, *, scheduled_only: bool = False) -> StoredRequest | None:
        """Mark the request as cancelled, and the chunk in its document. Return None if it is unknown or completed.

        With `scheduled_only`, also return None if it has no `send_at` in the future. A repeat returns the same result.
        """

    async def pause(self, key: RequestKey) -> StoredRequest | None:
        """Mark the request as paused, unless it is. Return None if it is unknown, completed or cancelled."""

    async def resume(self, key: RequestKey) -> StoredRequest | None:
        """Remove the pause mark, if there is one. Return None if the request is unknown, completed or cancelled."""

    async def control_flags(self, key: RequestKey) -> ControlFlags:
        """Return the control flags as the primary has them. An unknown request has none set."""

    async def close_intake(self, key: RequestKey) -> StoredRequest | None:
        """Refuse parts that are not registered yet.

        Return None if the request is unknown or completed, or if all its parts are registered.
        """

    async def write_off_lost_parts(self, key: RequestKey) -> StoredRequest | None:
        """Close the intake, and mark the registered parts that are not expanded as lost.

        Return None if there are none. Call it only if the records of these parts are gone from the intake. A lost part
        is refused if it comes again.
        """

    async def complete(self, key: RequestKey, counts: Counts, cost: Cost = NO_COST) -> StoredRequest | None:
        """Store the completion, and erase the secret variables of the request.

        Return None if there is a completion already, or if not all parts are expanded.
        """

    async def reserve(self, chunk_id: ChunkId, fence: int, amount: int, budget: int) -> int | None:
        """Set what a chunk may cost in all, as far as the budget of its request has room beside its other chunks.

        Amounts are in millionths. Return the amount that is set: `amount`, or less if the budget has no room for it.
        Return None if a later owner of the chunk has set one, or if the request is unknown. A repeat returns the same
        amount, or more if another chunk gave some back.
        """

    async def mark_completion_published(self, key: RequestKey) -> None:
        """Note that Kafka acknowledged the event of the completion."""

    async def take_unfinished(self, *, idle_seconds: float, limit: int) -> list[StoredRequest]:
        """Return up to `limit` requests without a published completion, those idle for longest first.

        A request is idle if no process took it for `idle_seconds`. A take counts, so that processes share the requests.
        A scheduled request is not returned before its `send_at` unless it is cancelled, because there may be very many.
        A small request that holds its chunk is returned only after its close, which completes it.
        """

    async def find_page(self, query: RequestQuery) -> RequestPage:
        """Return a page of requests, newest first, without their texts and secret variables."""

    async def get_headers(self, keys: Sequence[RequestKey]) -> dict[RequestKey, RequestHeader]:
        """Return the headers of those of these requests that exist, without their texts and secret variables."""

    async def get_many(self, keys: Sequence[RequestKey]) -> dict[RequestKey, StoredRequest]:
        """Return those of these requests that exist."""
