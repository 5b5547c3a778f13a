"""Protocol of the chunks in the ledger. The other Protocols are in ledger/ports.py."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from core.chunk_work import Counts, Window, Work
from core.ids import ChunkId, RequestKey
from core.money import NO_COST, Cost
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.models import Chunk, ControlFlags
from ledger.queries import IdRange
from schemas.statuses import Channel, Lane, Status

DueKind = tuple[Lane, Channel, bool]
"""Lane and channel of due chunks, and whether they were never claimed."""


class Chunks(Protocol):
    """Chunks of all requests: recipients, remaining work, owner.

    The only chunk of a small request may be stored in the document of its request (`Requests.insert_small`). Only
    `close` differs for it.
    """

    async def insert(self, chunk: Chunk) -> bool:
        """Write the chunk and return True. If its id exists, change nothing and return False."""

    async def claim(self, chunk_id: ChunkId, claim: ClaimRequest) -> ClaimResult | None:
        """Claim the chunk if it is open, due and without a live lease. Return None otherwise.

        A claim sets the owner, adds 1 to the fencing token and opens the first window. If this claim owns the chunk
        already, the call returns the same result again.
        """

    async def find_due(self) -> Collection[DueKind]:
        """Return the kinds of chunks for which `claim_due` would find one. It is one cheap question for all kinds."""

    async def claim_due(
        self, lane: Lane, channel: Channel, claim: ClaimRequest, *, never_claimed: bool = False
    ) -> ClaimResult | None:
        """Claim the chunk of a lane and channel that is due for the longest time. Return None if none is due.

        The chunk was deferred and is due now, or its lease has expired. With `never_claimed`, the chunk was announced
        by a wake-up message and never claimed. It is due a minute after it was written, or after a resume.
        """

    async def renew(self, token: ClaimToken) -> ControlFlags | None:
        """Extend the lease. Return the control flags of the chunk, or None if another owner took over."""

    async def advance(
        self, token: ClaimToken, work: Work, window: Window | None, erased: Collection[int] = ()
    ) -> ControlFlags | None:
        """Write the work and the next window, and extend the lease. Erase the secret variables of some deliveries.

        Return the control flags of the chunk, or None if another owner took over.
        """

    async def close(self, token: ClaimToken, counts: Counts, cost: Cost = NO_COST) -> bool:
        """Close the chunk with its counts and their cost, and erase all secret variables.

        Return False if another owner took over. The chunk of a small request is closed by `Requests.close_small`.
        """

    async def release(
        self, token: ClaimToken, work: Work, due_at: datetime | None, erased: Collection[int] = ()
    ) -> bool:
        """Put the chunk back, so that it may be claimed from `due_at` on (None: at once).

        Return False if another owner took over. A paused chunk is parked: it cannot be claimed until it is resumed,
        is cancelled or expires. A cancelled chunk does not wait for `due_at`. The secret variables of some deliveries
        are erased.
        """

    async def mark_cancelled(self, key: RequestKey, part: int | None = None) -> None:
        """Mark the open chunks of a request, or of one part, as cancelled.

        Chunks without an owner are due at once. A cancel does not wait for `send_at`, for a retry, or for a resume.
        The chunk of a small request is marked together with its request.
        """

    async def set_pause_count(self, key: RequestKey, pauses: int, part: int | None = None) -> None:
        """Pause (an odd number) or resume (an even number) the open chunks of a request, or of one part.

        A chunk whose pause count is as high already does not change, as the chunk of a small request, which is marked
        together with it. A chunk without an owner is parked, or is due again.
        """

    async def count_in_open_windows(self, key: RequestKey) -> int:
        """Return the number of deliveries in open windows.

        After the chunks of a request are marked, this is the number of deliveries that may still be sent.
        """

    async def has_open(self, key: RequestKey) -> bool:
        """Return whether the primary has an open chunk of the request."""

    async def counts(self, key: RequestKey) -> Counts:
        """Return the counts of all deliveries in the chunks of the request.

        A delivery without a log counts as pending or scheduled.
        """

    async def cost(self, key: RequestKey) -> Cost:
        """Return the sum of the costs in the logs of the request."""

    async def find_outcomes(self, key: RequestKey, statuses: Collection[Status]) -> list[IdRange]:
        """Return the log ids of each chunk that logged a delivery with one of these outcomes, in ascending ranges."""

    async def find_duplicates(self, key: RequestKey, below_part: int, hashes: Collection[bytes]) -> set[bytes]:
        """Return those of these hashes that are in a lower part of the request."""

    async def get(self, chunk_id: ChunkId) -> Chunk | None:
        """Return the chunk as the primary has it, with its open window put back into `work.next`."""

    async def get_sealed(self, ids: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        """Return the sealed recipients of each of these chunks, unless they were erased."""

    async def count_open_by_lane(self) -> Mapping[Lane, int]:
        """Return the number of open chunks of each lane."""
