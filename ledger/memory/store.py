"""Documents and clock that the stores of the in-memory ledger share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from core.chunk_work import Window
from core.ids import ChunkId, LogId, RequestKey
from core.message_caps import CountedMessage
from core.period_limits import Used
from core.rate_schedule import Schedule
from ledger.audit_port import AuditEntry
from ledger.consent_port import StoredConsent
from ledger.erasure_port import Erasure
from ledger.idempotency_record import IdempotencyRecord
from ledger.models import Chunk, Log, StoredRequest
from ledger.receipt_port import KeptReceipt
from ledger.stored_template import StoredTemplate
from ledger.suppression_port import StoredSuppression
from ledger.tenant_port import StoredTenant
from schemas.statuses import Channel, Lane


@dataclass(slots=True)
class RequestDocument:
    """Request, and the time when a process last took it as unfinished, or its `send_at` if that is later."""

    request: StoredRequest
    looked_at: datetime
    reserved: dict[ChunkId, tuple[int, int]] = field(default_factory=dict)
    """Fencing token and amount of each chunk that has reserved some of the budget."""


@dataclass(slots=True)
class ChunkDocument:
    """Chunk and its owner. A claim moves `due_at` of the chunk to the end of its lease."""

    chunk: Chunk
    sweep_at: datetime
    """Time from which the sweeper may claim the chunk: when it is due, or a minute after it was written."""
    fresh: bool
    """True while the chunk was announced by a wake-up message and was never claimed."""
    open: bool = True
    owner: str | None = None
    fence: int = 0
    """Number of claims so far."""
    window: Window | None = None
    parked: bool = False
    """True if the chunk is paused and has no owner. `sweep_at` is then its expiry, or never."""
    taken_over: bool = False
    """True if the claim of `owner` found an open window. A repeat of the claim returns the same value."""

    @property
    def untouched(self) -> bool:
        """Return whether the chunk was never claimed."""
        return self.fence == 0

    @property
    def kind(self) -> tuple[Lane, Channel, bool]:
        """Return the values by which the sweeper looks for the chunk."""
        return self.chunk.lane, self.chunk.channel, self.fresh

    def is_due(self, now: datetime) -> bool:
        """Return whether the chunk is due, or its lease has expired."""
        return self.chunk.due_at is None or self.chunk.due_at <= now

    def is_claimable(self, now: datetime) -> bool:
        """Return whether a new owner may claim the chunk."""
        return self.open and self.is_due(now) and (not self.parked or self.sweep_at <= now)


@dataclass(slots=True)
class Store:
    """Documents, by id."""

    clock: Callable[[], datetime]
    requests: dict[RequestKey, RequestDocument] = field(default_factory=dict)
    chunks: dict[ChunkId, ChunkDocument] = field(default_factory=dict)
    logs: dict[LogId, Log] = field(default_factory=dict)
    templates: dict[str, list[StoredTemplate]] = field(default_factory=dict)
    """Versions of each template, by the id of the template, oldest first."""
    keys: dict[RequestKey, IdempotencyRecord] = field(default_factory=dict)
    tenants: dict[str, StoredTenant] = field(default_factory=dict)
    consents: dict[str, StoredConsent] = field(default_factory=dict)
    counted_messages: dict[str, tuple[CountedMessage, ...]] = field(default_factory=dict)
    suppressions: dict[str, StoredSuppression] = field(default_factory=dict)
    erasures: dict[str, Erasure] = field(default_factory=dict)
    due_erasures: dict[str, datetime] = field(default_factory=dict)
    """Due time of each erasure that is not finished."""
    audit: dict[str, AuditEntry] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    """Slots of each rate, by the key of the limit."""
    receipts: dict[str, tuple[KeptReceipt, datetime]] = field(default_factory=dict)
    """Kept receipts, each with the time of its next try."""
    used_permits: dict[str, Used] = field(default_factory=dict)
    """Permits that were taken, by the key of the limit."""
    chunks_by_request: dict[RequestKey, list[ChunkDocument]] = field(default_factory=dict)

    def chunks_of(self, key: RequestKey) -> list[ChunkDocument]:
        """Return the chunks of a request in the order in which they were written."""
        return self.chunks_by_request.get(key, [])

    def open_chunks(self) -> Iterator[ChunkDocument]:
        """Return every open chunk."""
        return (document for document in self.chunks.values() if document.open)
