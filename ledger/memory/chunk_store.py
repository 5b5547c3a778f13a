"""Chunks in memory: who holds them, and what is still to do."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from core.chunk_work import Counts, Window, Work
from core.ids import ChunkId, RequestKey
from ledger.memory.store import ChunkDocument, Store
from ledger.models import Chunk, ClaimRequest, ClaimResult, ClaimToken, ControlFlags
from ledger.schedule import CANCELLED_SECONDS, NEVER, UNCLAIMED_SECONDS
from ledger.sealing import HASH_BYTES
from schemas.statuses import Channel, Lane, Status


class MemoryChunks:
    """Implements `ledger.ports.Chunks`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def insert(self, chunk: Chunk) -> bool:
        """Write the chunk unless its id exists: then nothing changes."""
        if chunk.id in self._store.chunks:
            return False
        sweep_at = chunk.due_at or self._store.clock() + timedelta(seconds=UNCLAIMED_SECONDS)
        document = ChunkDocument(replace(chunk, work=_copy(chunk.work)), sweep_at, fresh=chunk.due_at is None)
        if chunk.control_flags.paused:
            _park(document)
        self._store.chunks[chunk.id] = document
        self._store.chunks_by_request.setdefault(chunk.key, []).append(document)
        return True

    async def claim(self, chunk_id: ChunkId, claim: ClaimRequest) -> ClaimResult | None:
        """Take the chunk if it is open, due and without a live lease."""
        document = self._store.chunks.get(chunk_id)
        return self._claim(document, claim) if document else None

    async def claim_due(
        self, lane: Lane, channel: Channel, claim: ClaimRequest, *, never_claimed: bool = False
    ) -> ClaimResult | None:
        """Take the chunk of a channel in a lane that waits longest for a sweeper."""
        now, kind = self._store.clock(), (lane, channel, never_claimed)
        ripe = [d for d in self._store.open_chunks() if d.sweep_at <= now and d.kind == kind and d.is_claimable(now)]
        return self._claim(min(ripe, key=lambda document: document.sweep_at), claim) if ripe else None

    async def renew(self, hold: ClaimToken) -> bool:
        """Extend the lease; False: another took over."""
        document = self._held(hold)
        if document is None:
            return False
        self._extend_lease(document, hold.lease_seconds)
        return True

    async def advance(self, hold: ClaimToken, work: Work, window: Window | None) -> ControlFlags | None:
        """Write what is done and the next window, and extend the lease; the chunk's marks, or None: refused."""
        if work.next is not None:
            raise ValueError("the next batch of a held chunk is its window")
        document = self._held(hold)
        if document is None:
            return None
        document.chunk = replace(document.chunk, work=_copy(work))
        document.window = window
        self._extend_lease(document, hold.lease_seconds)
        return document.chunk.control_flags

    async def close(self, hold: ClaimToken, counts: Counts) -> bool:
        """Close the chunk with its counts; False: another took over."""
        document = self._store.chunks.get(hold.chunk_id)
        if document is None or not _is_owned(document, hold):
            return False
        if document.open:
            document.open = False
            document.window = None
            document.chunk = replace(document.chunk, work=Work(counts=Counter(counts)))
        return True

    async def release(self, hold: ClaimToken, work: Work, due_at: datetime | None) -> bool:
        """Put the chunk back, to be claimed from `due_at` on; False: another took over."""
        document = self._held(hold)
        if document is None:
            return False
        now = self._store.clock()
        if document.chunk.cancelled and due_at is not None:
            due_at = min(due_at, now + timedelta(seconds=CANCELLED_SECONDS))
        document.chunk = replace(document.chunk, work=_copy(work), due_at=due_at)
        document.window = document.owner = None
        document.sweep_at = due_at or now
        if document.chunk.control_flags.paused:
            _park(document)
        return True

    async def mark_cancelled(self, key: RequestKey, part: int | None = None) -> None:
        """Mark the open chunks of a request, or of one part."""
        for document in self._store.chunks_of(key):
            if document.open and part in (None, document.chunk.part):
                document.chunk = replace(document.chunk, cancelled=True)
                if document.owner is None:
                    document.chunk = replace(document.chunk, due_at=None)
                    document.sweep_at, document.parked = self._store.clock(), False

    async def set_pause_count(self, key: RequestKey, pauses: int, part: int | None = None) -> None:
        """Pause (an odd number) or resume the open chunks of a request, or of one part."""
        for document in self._store.chunks_of(key):
            if not document.open or document.chunk.pauses >= pauses or part not in (None, document.chunk.part):
                continue
            document.chunk = replace(document.chunk, pauses=pauses)
            if document.chunk.control_flags.paused:
                if document.owner is None:
                    _park(document)
            elif document.parked:
                now, due_at = self._store.clock(), document.chunk.due_at
                document.parked, document.sweep_at = False, max(due_at, now) if due_at else now

    async def count_in_open_windows(self, key: RequestKey) -> int:
        """How many deliveries are in open windows."""
        open_windows = [d.window for d in self._store.chunks_of(key) if d.open and d.window]
        return sum(len(window.batch) for window in open_windows)

    async def has_open(self, key: RequestKey) -> bool:
        """Whether a chunk of the request is open."""
        return any(document.open for document in self._store.chunks_of(key))

    async def counts(self, key: RequestKey) -> Counts:
        """The sum over its chunks, of all deliveries."""
        total: Counts = Counter()
        now = self._store.clock()
        for document in self._store.chunks_of(key):
            logged = document.chunk.work.counts
            total.update(logged)
            if waiting := document.chunk.size - logged.total():
                scheduled = document.untouched and not document.is_due(now)
                total[Status.SCHEDULED if scheduled else Status.PENDING, None] += waiting
        return total

    async def find_duplicates(self, key: RequestKey, below_part: int, hashes: Collection[bytes]) -> set[bytes]:
        """Which of these hashes stand in a lower part."""
        lower = (d.chunk for d in self._store.chunks_of(key) if d.chunk.searchable and d.chunk.part < below_part)
        standing = {found for chunk in lower for found in _slices(chunk.hashes)}
        return standing.intersection(hashes)

    async def get(self, chunk_id: ChunkId) -> Chunk | None:
        """The chunk, its open window put back into `work.next`."""
        document = self._store.chunks.get(chunk_id)
        if document is None:
            return None
        work = _copy(document.chunk.work)
        if document.window:
            work = replace(work, next=document.window.batch)
        return replace(document.chunk, work=work)

    async def get_sealed(self, ids: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        """What is sealed of each of these chunks, unless it was erased."""
        found = {
            chunk_id: self._store.chunks[chunk_id].chunk.sealed for chunk_id in ids if chunk_id in self._store.chunks
        }
        return {chunk_id: sealed for chunk_id, sealed in found.items() if sealed}

    async def count_open_by_lane(self) -> Mapping[Lane, int]:
        """How many chunks are open, by lane."""
        counts = Counter(document.chunk.lane for document in self._store.open_chunks())
        return {lane: counts[lane] for lane in Lane}

    def _claim(self, document: ChunkDocument, claim: ClaimRequest) -> ClaimResult | None:
        now = self._store.clock()
        if not document.open:
            return None
        if document.owner != claim.owner:  # a repeat of the claim that holds the chunk is answered as the first time
            if not document.is_claimable(now):
                return None
            document.owner, document.parked, document.fresh = claim.owner, False, False
            document.fence += 1
            document.taken_over = document.window is not None
            if document.window is None:
                _open_window(document, claim)
        self._extend_lease(document, claim.lease_seconds)
        chunk = replace(document.chunk, work=_copy(document.chunk.work))
        hold = ClaimToken(chunk.id, claim.owner, document.fence, claim.lease_seconds)
        return ClaimResult(chunk, hold, document.window, document.taken_over)

    def _held(self, hold: ClaimToken) -> ChunkDocument | None:
        document = self._store.chunks.get(hold.chunk_id)
        return document if document and document.open and _is_owned(document, hold) else None

    def _extend_lease(self, document: ChunkDocument, lease_seconds: float) -> None:
        document.sweep_at = self._store.clock() + timedelta(seconds=lease_seconds)
        document.chunk = replace(document.chunk, due_at=document.sweep_at)


def _park(document: ChunkDocument) -> None:
    document.parked, document.sweep_at = True, document.chunk.expires_at or NEVER


def _open_window(document: ChunkDocument, claim: ClaimRequest) -> None:
    """Make the next batch the window, with the provider whose turn it is."""
    batch = document.chunk.work.next
    if batch is None:
        return
    providers = claim.providers.get(document.chunk.channel, ())
    provider = batch.pinned_provider or (providers[batch.attempts % len(providers)] if providers else None)
    document.window = Window(batch, provider)
    document.chunk = replace(document.chunk, work=replace(document.chunk.work, next=None))


def _is_owned(document: ChunkDocument, hold: ClaimToken) -> bool:
    return (document.owner, document.fence) == (hold.owner, hold.fence)


def _copy(work: Work) -> Work:
    """The work with counts of its own: a caller may go on counting in his."""
    return replace(work, counts=Counter(work.counts))


def _slices(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
