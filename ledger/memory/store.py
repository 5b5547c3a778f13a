"""What the parts of the ledger in memory share: the documents, and the server's clock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from core.chunk_work import Window
from core.ids import ChunkId, LogId, RequestKey
from ledger.models import Chunk, IdempotencyRecord, Log, StoredRequest, StoredTemplate
from schemas.statuses import Channel, Lane


@dataclass(slots=True)
class RequestDocument:
    """A request and when somebody last looked whether it is finished; until its `send_at` nobody need look."""

    request: StoredRequest
    looked_at: datetime


@dataclass(slots=True)
class ChunkDocument:
    """A chunk and who holds it. A claim moves the chunk's `due_at` to the end of its lease."""

    chunk: Chunk
    sweep_at: datetime
    """When a sweeper may take it: when it is due, or a minute after it was written."""
    fresh: bool
    """Never claimed, and a wake-up call was to bring it."""
    open: bool = True
    owner: str | None = None
    fence: int = 0
    """How often it was claimed."""
    window: Window | None = None
    parked: bool = False
    """Paused, and in nobody's hands; `sweep_at` is then when it expires, or never."""
    taken_over: bool = False
    """Whether the claim of `owner` found an open window; a repeat of that claim is answered with it."""

    @property
    def untouched(self) -> bool:
        """Whether nobody ever claimed it."""
        return self.fence == 0

    @property
    def kind(self) -> tuple[Lane, Channel, bool]:
        """What it is looked for as."""
        return self.chunk.lane, self.chunk.channel, self.fresh

    def is_due(self, now: datetime) -> bool:
        """Whether its time has come, or the lease on it is over."""
        return self.chunk.due_at is None or self.chunk.due_at <= now

    def is_claimable(self, now: datetime) -> bool:
        """Whether a new owner may take it."""
        return self.open and self.is_due(now) and (not self.parked or self.sweep_at <= now)


@dataclass(slots=True)
class Store:
    """The documents, by id."""

    clock: Callable[[], datetime]
    requests: dict[RequestKey, RequestDocument] = field(default_factory=dict)
    chunks: dict[ChunkId, ChunkDocument] = field(default_factory=dict)
    logs: dict[LogId, Log] = field(default_factory=dict)
    templates: dict[str, list[StoredTemplate]] = field(default_factory=dict)
    """The versions of each, by its id, the oldest first."""
    keys: dict[RequestKey, IdempotencyRecord] = field(default_factory=dict)
    chunks_by_request: dict[RequestKey, list[ChunkDocument]] = field(default_factory=dict)

    def chunks_of(self, key: RequestKey) -> list[ChunkDocument]:
        """The chunks of a request, as they were written."""
        return self.chunks_by_request.get(key, [])

    def open_chunks(self) -> Iterator[ChunkDocument]:
        """Every open chunk."""
        return (document for document in self.chunks.values() if document.open)
