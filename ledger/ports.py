"""The Protocols of the ledger. Both ledgers, MongoDB's and the one in memory, pass one contract suite.

Every method may raise LedgerUnavailable, after which the same call may be made again.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from core.chunk_work import Counts, Window, Work
from core.ids import ChunkId, LogId, RequestKey
from ledger.models import (
    Chunk,
    ClaimRequest,
    ClaimResult,
    ClaimToken,
    ControlFlags,
    IdempotencyRecord,
    Log,
    Part,
    RequestHeader,
    StoredRequest,
    StoredTemplate,
)
from ledger.queries import LogPage, LogQuery, RequestPage, RequestQuery
from schemas.statuses import Channel, Lane


class Requests(Protocol):
    """One document a request: what was decided about it, and which parts are expanded."""

    async def register_part(self, header: RequestHeader, part: Part) -> StoredRequest:
        """Create the request or read back what stands, and note the part unless it is refused.

        The first head and the first body of a part win; the answer holds what stands. A part is refused, and then
        absent from the answer, when the request was cut, it comes after the last part, or the standing head has another
        digest or sealing key: then it is a part of another request, or the caller's digests say nothing beside it.
        """

    async def mark_part_expanded(self, key: RequestKey, part: int) -> StoredRequest:
        """Add a part to the set of those whose chunks are all written; the answer brings the cancel mark."""

    async def get(self, key: RequestKey) -> StoredRequest | None:
        """The request as the primary has it."""

    async def cancel(self, key: RequestKey, *, scheduled_only: bool = False) -> StoredRequest | None:
        """Mark the request; None where it is unknown or completed.

        With `scheduled_only` also where its `send_at` has come, or it has none; a repeat is answered as the first time.
        """

    async def pause(self, key: RequestKey) -> StoredRequest | None:
        """Mark the request as paused, unless it is; None where it is unknown, completed or cancelled."""

    async def resume(self, key: RequestKey) -> StoredRequest | None:
        """Take that mark away, if it is there; None where it is unknown, completed or cancelled."""

    async def control_flags(self, key: RequestKey) -> ControlFlags:
        """What was ordered about a request, as the primary has it; nothing about an unknown one."""

    async def close_intake(self, key: RequestKey) -> StoredRequest | None:
        """Refuse the parts not begun from now on; None where it is unknown, completed or all parts are begun."""

    async def write_off_lost_parts(self, key: RequestKey) -> StoredRequest | None:
        """Cut the request, and take the parts begun and not counted for lost; None where there is none of them.

        Only for one whose records are gone from the intake: a lost part is refused if it comes again.
        """

    async def complete(self, key: RequestKey, counts: Counts) -> StoredRequest | None:
        """Store the completion; None where one stands, or not every part that will ever count is counted."""

    async def mark_completion_published(self, key: RequestKey) -> None:
        """Note that the completion's event was acknowledged."""

    async def take_unfinished(self, *, idle_seconds: float, limit: int) -> list[StoredRequest]:
        """Up to `limit` requests without a noted completion that nobody looked at for so long, the oldest first.

        Each find counts as a look, so that processes share them out. One that is scheduled is left alone until its
        `send_at`, unless it is cancelled: there may be any number of them.
        """

    async def find_page(self, query: RequestQuery) -> RequestPage:
        """A page of requests, newest first."""

    async def get_many(self, keys: Sequence[RequestKey]) -> dict[RequestKey, StoredRequest]:
        """Which of these requests exist."""


class Chunks(Protocol):
    """One document a chunk: recipients, what is to do, who holds it."""

    async def insert(self, chunk: Chunk) -> bool:
        """Write the chunk unless its id exists: then nothing changes, and the answer is False."""

    async def claim(self, chunk_id: ChunkId, claim: ClaimRequest) -> ClaimResult | None:
        """Take the chunk if it is open, due and without a live lease: a new owner, fence + 1, the first window."""

    async def claim_due(
        self, lane: Lane, channel: Channel, claim: ClaimRequest, *, never_claimed: bool = False
    ) -> ClaimResult | None:
        """Take the chunk that waits longest for a sweeper, of a channel in a lane: deferred and due by now, or lapsed.

        With `fresh`, one that a wake-up call should have brought: never claimed, and there for a minute, or resumed.
        """

    async def renew(self, hold: ClaimToken) -> bool:
        """Extend the lease; False: another took over."""

    async def advance(self, hold: ClaimToken, work: Work, window: Window | None) -> ControlFlags | None:
        """Write what is done and the next window, and extend the lease; the chunk's marks, or None: refused."""

    async def close(self, hold: ClaimToken, counts: Counts) -> bool:
        """Close the chunk with its counts; False: another took over."""

    async def release(self, hold: ClaimToken, work: Work, due_at: datetime | None) -> bool:
        """Put the chunk back, to be claimed from `due_at` on (None: at once); False: another took over.

        A paused one is parked: nobody can claim it until it is resumed, cancelled or expires. A cancelled one does not
        wait for `due_at`.
        """

    async def mark_cancelled(self, key: RequestKey, part: int | None = None) -> None:
        """Mark the open chunks of a request, or of one part.

        Those that nobody holds are due at once: a cancel does not wait for send_at, for a retry, or for a resume.
        """

    async def set_pause_count(self, key: RequestKey, pauses: int, part: int | None = None) -> None:
        """Pause (an odd number) or resume the open chunks of a request, or of one part.

        Those whose number is as high already stay as they are. What nobody holds is parked, or due again.
        """

    async def count_in_open_windows(self, key: RequestKey) -> int:
        """How many deliveries are in open windows: asked after a mark, how many may still be sent in spite of it."""

    async def has_open(self, key: RequestKey) -> bool:
        """Whether the primary knows an open chunk of the request."""

    async def counts(self, key: RequestKey) -> Counts:
        """The sum over its chunks, of all deliveries: what has no log yet counts as pending, or scheduled."""

    async def find_duplicates(self, key: RequestKey, below_part: int, hashes: Collection[bytes]) -> set[bytes]:
        """Which of these hashes stand in a lower part."""

    async def get(self, chunk_id: ChunkId) -> Chunk | None:
        """The chunk as the primary has it, its open window put back into `work.next`."""

    async def get_sealed(self, ids: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        """What is sealed of each of these chunks, unless it was erased."""

    async def count_open_by_lane(self) -> Mapping[Lane, int]:
        """How many chunks are open, by lane."""


class Logs(Protocol):
    """One document per delivery, written once with its outcome. ledger/pending_logs.py shows those without a log."""

    async def insert_or_get(self, logs: Sequence[Log]) -> list[Log]:
        """Write each log unless its id is taken; the answer holds, in this order, the logs that stand."""

    async def get_many(self, ids: Sequence[LogId]) -> dict[LogId, Log]:
        """Which of these logs exist, as the primary has them."""

    async def get(self, tenant_id: str, log_id: LogId, user_id: str | None = None) -> Log | None:
        """One delivery of a tenant, and of a user where one is named; None for another's as for an unknown one."""

    async def find(self, query: LogQuery) -> LogPage:
        """A page of deliveries: those with a log are their log, those without are shown from their open chunk."""

    async def counts(self, key: RequestKey) -> Counts:
        """How many logs of a request have which status and reason by now, receipts included."""

    async def reserve_resends(self, tenant_id: str, resends: Mapping[LogId, LogId]) -> set[LogId]:
        """Note on each log, the key, that the delivery that is the value repeats it; those that it stands noted on.

        It is noted while the log is unknown or failed and nothing repeats it yet, and never changes: of many that
        would repeat a delivery one does, and a repeat of this call is answered as the first time.
        """

    def iterate_request(self, key: RequestKey) -> AsyncIterator[Log]:
        """Every log of a request, in request order."""


class Retention(Protocol):
    """What is past its time goes, a bounded batch a call, so that the same call is made until it answers 0.

    Only requests whose completion was announced are touched. Every step may be repeated, by any process.
    """

    async def erase(self, *, after: timedelta, limit: int) -> int:
        """Erase what is sealed of requests completed so long ago: up to `limit` chunks, or a request's text, its last.

        How many documents were changed.
        """

    async def delete(self, *, after: timedelta, limit: int) -> int:
        """Delete requests completed so long ago: up to `limit` logs, then chunks, then the request.

        How many documents were deleted.
        """


class Templates(Protocol):
    """One document a version of a template."""

    async def put(self, tenant_id: str, code: str, content: str, subject: str | None) -> StoredTemplate:
        """Store a new version, numbered from 1; where the newest says the same, nothing changes and that is it."""

    async def get(self, tenant_id: str, code: str, version: int | None = None) -> StoredTemplate | None:
        """A version, by default the newest; None where the tenant has none such."""

    async def list(self, tenant_id: str) -> list[StoredTemplate]:
        """The newest version of each template of a tenant, by code."""


class IdempotencyKeys(Protocol):
    """One document an `Idempotency-Key`, kept for longer than the intake keeps a record."""

    async def insert_or_get(self, taken: IdempotencyRecord) -> IdempotencyRecord:
        """Store it unless the key is taken; the answer is what stands."""

    async def get(self, key: RequestKey) -> IdempotencyRecord | None:
        """What stands under a key, as the primary has it."""


class Ledger(Protocol):
    """The whole ledger."""

    @property
    def requests(self) -> Requests:
        """The requests."""

    @property
    def chunks(self) -> Chunks:
        """The chunks."""

    @property
    def logs(self) -> Logs:
        """The logs."""

    @property
    def retention(self) -> Retention:
        """What goes when its time is over."""

    @property
    def templates(self) -> Templates:
        """The templates."""

    @property
    def keys(self) -> IdempotencyKeys:
        """The idempotency keys."""

    def now(self) -> datetime:
        """The server's time, as nearly as it is known here; not this machine's clock."""

    async def setup(self) -> list[str]:
        """Create what indexes are missing; a line for each of them."""

    async def check(self) -> None:
        """Raise LedgerNotReady where an index is missing."""

    async def ping(self) -> None:
        """Return when the primary answers."""

    async def aclose(self) -> None:
        """Close the connections."""
