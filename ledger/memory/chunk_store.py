"""Chunks in memory, with their owners and their remaining work."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from typing_extensions import override

from core.chunk_work import Counts, Window, Work
from core.ids import ChunkId, RequestKey, log_bounds
from core.money import NO_COST, Cost, add_costs
from ledger.chunk_port import Chunks, DueKind
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.memory.chunk_values import copy_work, hash_slices, without_secrets
from ledger.memory.store import ChunkDocument, Store
from ledger.models import Chunk, ControlFlags
from ledger.queries import IdRange
from ledger.sweep_delays import CANCELLED_SECONDS, NEVER, UNCLAIMED_SECONDS
from schemas.statuses import Channel, Lane, Status


class MemoryChunks(Chunks):
    """Chunks in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    async def insert(self, chunk: Chunk) -> bool:
        if chunk.id in self._store.chunks:
            return False
        self.add(chunk)
        return True

    def add(self, chunk: Chunk) -> None:
        """Write a new chunk."""
        sweep_at = chunk.due_at or self._store.clock() + timedelta(seconds=UNCLAIMED_SECONDS)
        document = ChunkDocument(replace(chunk, work=copy_work(chunk.work)), sweep_at, fresh=chunk.due_at is None)
        if chunk.control_flags.paused:
            _park(document)
        self._store.chunks[chunk.id] = document
        self._store.chunks_by_request.setdefault(chunk.key, []).append(document)

    def is_owned_by(self, chunk_id: ChunkId, owner: str) -> bool:
        """Return whether the chunk is open and has this owner."""
        document = self._store.chunks.get(chunk_id)
        return document is not None and document.open and document.owner == owner

    @override
    async def claim(self, chunk_id: ChunkId, claim: ClaimRequest) -> ClaimResult | None:
        document = self._store.chunks.get(chunk_id)
        return self._claim(document, claim) if document else None

    @override
    async def find_due(self) -> Collection[DueKind]:
        now = self._store.clock()
        due = (each.kind for each in self._store.open_chunks() if each.sweep_at <= now and each.is_claimable(now))
        return list(dict.fromkeys(due))  # the simulation repeats its worlds, and a set has another order each time

    @override
    async def claim_due(
        self, lane: Lane, channel: Channel, claim: ClaimRequest, *, never_claimed: bool = False
    ) -> ClaimResult | None:
        now, kind = self._store.clock(), (lane, channel, never_claimed)
        due = [d for d in self._store.open_chunks() if d.sweep_at <= now and d.kind == kind and d.is_claimable(now)]
        return self._claim(min(due, key=lambda document: document.sweep_at), claim) if due else None

    @override
    async def renew(self, token: ClaimToken) -> ControlFlags | None:
        document = self._find_claimed(token)
        if document is None:
            return None
        self._extend_lease(document, token.lease_seconds)
        return document.chunk.control_flags

    @override
    async def advance(
        self, token: ClaimToken, work: Work, window: Window | None, erased: Collection[int] = ()
    ) -> ControlFlags | None:
        if work.next is not None:
            raise ValueError("the next batch of a claimed chunk is its window")
        document = self._find_claimed(token)
        if document is None:
            return None
        document.chunk = replace(without_secrets(document.chunk, erased), work=copy_work(work))
        document.window = window
        self._extend_lease(document, token.lease_seconds)
        return document.chunk.control_flags

    @override
    async def close(self, token: ClaimToken, counts: Counts, cost: Cost = NO_COST) -> bool:
        document = self._store.chunks.get(token.chunk_id)
        if document is None or not _is_owned(document, token):
            return False
        if document.open:
            document.open = False
            document.window = None
            document.chunk = replace(
                document.chunk, work=Work(counts=Counter(counts), cost=dict(cost)), sealed_secrets={}
            )
        return True

    @override
    async def release(
        self, token: ClaimToken, work: Work, due_at: datetime | None, erased: Collection[int] = ()
    ) -> bool:
        document = self._find_claimed(token)
        if document is None:
            return False
        now = self._store.clock()
        if document.chunk.cancelled and due_at is not None:
            due_at = min(due_at, now + timedelta(seconds=CANCELLED_SECONDS))
        document.chunk = replace(without_secrets(document.chunk, erased), work=copy_work(work), due_at=due_at)
        document.window = document.owner = None
        document.sweep_at = due_at or now
        if document.chunk.control_flags.paused:
            _park(document)
        return True

    @override
    async def mark_cancelled(self, key: RequestKey, part: int | None = None) -> None:
        for document in self._store.chunks_of(key):
            if document.open and part in (None, document.chunk.part):
                document.chunk = replace(document.chunk, cancelled=True)
                if document.owner is None:
                    document.chunk = replace(document.chunk, due_at=None)
                    document.sweep_at, document.parked = self._store.clock(), False

    @override
    async def set_pause_count(self, key: RequestKey, pauses: int, part: int | None = None) -> None:
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

    @override
    async def count_in_open_windows(self, key: RequestKey) -> int:
        open_windows = [d.window for d in self._store.chunks_of(key) if d.open and d.window]
        return sum(len(window.batch) for window in open_windows)

    @override
    async def has_open(self, key: RequestKey) -> bool:
        return any(document.open for document in self._store.chunks_of(key))

    @override
    async def counts(self, key: RequestKey) -> Counts:
        total: Counts = Counter()
        now = self._store.clock()
        for document in self._store.chunks_of(key):
            logged = document.chunk.work.counts
            total.update(logged)
            if waiting := document.chunk.size - logged.total():
                scheduled = document.untouched and not document.is_due(now)
                total[Status.SCHEDULED if scheduled else Status.PENDING, None] += waiting
        return total

    @override
    async def cost(self, key: RequestKey) -> Cost:
        return add_costs(document.chunk.work.cost for document in self._store.chunks_of(key))

    @override
    async def find_outcomes(self, key: RequestKey, statuses: Collection[Status]) -> list[IdRange]:
        chunks = sorted((document.chunk for document in self._store.chunks_of(key)), key=lambda chunk: chunk.id)
        return [
            log_bounds(key, chunk.part, chunk.first, chunk.size)
            for chunk in chunks
            if any(status in statuses for status, _ in chunk.work.counts)
        ]

    @override
    async def find_duplicates(self, key: RequestKey, below_part: int, hashes: Collection[bytes]) -> set[bytes]:
        lower = (d.chunk for d in self._store.chunks_of(key) if d.chunk.searchable and d.chunk.part < below_part)
        return {hash_ for chunk in lower for hash_ in hash_slices(chunk.hashes)}.intersection(hashes)

    @override
    async def get(self, chunk_id: ChunkId) -> Chunk | None:
        document = self._store.chunks.get(chunk_id)
        if document is None:
            return None
        work = copy_work(document.chunk.work)
        if document.window:
            work = replace(work, next=document.window.as_batch)
        return replace(document.chunk, work=work)

    @override
    async def get_sealed(self, ids: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        documents = [self._store.chunks[chunk_id] for chunk_id in ids if chunk_id in self._store.chunks]
        return {document.chunk.id: document.chunk.sealed for document in documents if document.chunk.sealed}

    @override
    async def count_open_by_lane(self) -> Mapping[Lane, int]:
        counts = Counter(document.chunk.lane for document in self._store.open_chunks())
        return {lane: counts[lane] for lane in Lane}

    def _claim(self, document: ChunkDocument, claim: ClaimRequest) -> ClaimResult | None:
        now = self._store.clock()
        if not document.open:
            return None
        if document.owner != claim.owner:  # a repeat of the claim that owns the chunk gets the same result
            if not document.is_claimable(now):
                return None
            document.owner, document.parked, document.fresh = claim.owner, False, False
            document.fence += 1
            document.taken_over = document.window is not None
            if document.window is None:
                _open_window(document)
        self._extend_lease(document, claim.lease_seconds)
        chunk = replace(document.chunk, work=copy_work(document.chunk.work))
        token = ClaimToken(chunk.id, claim.owner, document.fence, claim.lease_seconds, chunk.in_request)
        return ClaimResult(chunk, token, document.window, document.taken_over)

    def _find_claimed(self, token: ClaimToken) -> ChunkDocument | None:
        document = self._store.chunks.get(token.chunk_id)
        return document if document and document.open and _is_owned(document, token) else None

    def _extend_lease(self, document: ChunkDocument, lease_seconds: float) -> None:
        document.sweep_at = self._store.clock() + timedelta(seconds=lease_seconds)
        document.chunk = replace(document.chunk, due_at=document.sweep_at)


def _park(document: ChunkDocument) -> None:
    document.parked, document.sweep_at = True, document.chunk.expires_at or NEVER


def _open_window(document: ChunkDocument) -> None:
    """Make the next batch the window, with the provider that was chosen together with it."""
    batch = document.chunk.work.next
    if batch is None:
        return
    document.window = Window.of(batch)
    document.chunk = replace(document.chunk, work=replace(document.chunk.work, next=None))


def _is_owned(document: ChunkDocument, token: ClaimToken) -> bool:
    return (document.owner, document.fence) == (token.owner, token.fence)
