"""What the ledger stores and answers, as values. None of their reprs shows an address or a text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from core.chunk_work import Counts, Window, Work
from core.ids import ChunkId, LogId, RequestKey
from schemas.statuses import Category, Channel, Lane, OnUncertain, Reason, Status


@dataclass(frozen=True, slots=True)
class RequestHeader:
    """What the first expansion of a request decides for all its parts (I5)."""

    key: RequestKey
    tenant_id: str
    request_id: str
    user_id: str | None
    channel: Channel
    category: Category
    on_uncertain: OnUncertain
    reply_topic: str | None
    correlation_id: str | None
    accepted_at: datetime
    send_at: datetime | None
    expires_at: datetime | None
    template_id: str | None
    key_id: str
    """Which sealing key the digests and the hashes of addresses are keyed with."""
    digest: bytes
    """Keyed digest of what all parts share."""
    sealed_text: bytes = field(repr=False)
    """Content, subject and the request's variables, sealed; empty once erased."""
    intake_topic: str = ""
    intake_partition: int = 0
    template_version: int | None = None
    """Which version of the template `sealed_text` was taken from."""
    resend_of: str | None = None
    """The id of the request whose deliveries it repeats."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of one part before its first chunk is written."""

    number: int
    size: int
    """How many recipients."""
    chunk_size: int
    digest: bytes
    """Keyed digest of the canonical body."""
    last: bool
    default_region: str | None = None
    """The country of its numbers without `+`."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The counts of a request with nothing left to attempt, stored once."""

    completed_at: datetime
    total: int
    by_status: Mapping[str, int]
    by_reason: Mapping[str, int]
    incomplete: bool


class ControlFlags(NamedTuple):
    """What somebody ordered about a request, as its document or one of its chunks has it."""

    cancelled: bool = False
    pauses: int = 0
    """How often it was paused and resumed: odd while it is paused. A chunk takes a higher number only, so that an order
    that comes late does not undo a newer one."""

    @property
    def paused(self) -> bool:
        """Whether nothing more may be sent for now."""
        return self.pauses % 2 == 1 and not self.cancelled


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request as it stands."""

    header: RequestHeader
    parts: Mapping[int, Part]
    """The parts begun."""
    expanded_parts: frozenset[int] = frozenset()
    """The parts whose chunks are all written."""
    last_part: int | None = None
    cancelled: bool = False
    pauses: int = 0
    """See Marks."""
    intake_closed: bool = False
    """A part never came in time; what is not begun is refused from then on."""
    lost_parts: frozenset[int] = frozenset()
    """The parts begun whose record is gone: what is written of their chunks counts, and no more will come."""
    completion: Completion | None = None
    completion_published: bool = False
    """`request.completed` was acknowledged."""
    begun_at: datetime | None = None
    """When its newest part was begun, on the server's clock."""

    @property
    def control_flags(self) -> ControlFlags:
        """What was ordered about it."""
        return ControlFlags(self.cancelled, self.pauses)

    @property
    def all_parts_expanded(self) -> bool:
        """Whether every part that will ever count is counted."""
        if self.intake_closed:
            return self.expanded_parts | self.lost_parts >= self.parts.keys()
        return self.last_part is not None and self.expanded_parts >= set(range(self.last_part + 1))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to 1,000 recipients of one part: the unit of work and of claiming."""

    id: ChunkId
    key: RequestKey
    part: int
    first: int
    """The index of its first recipient in the part."""
    size: int
    channel: Channel
    lane: Lane
    masked: tuple[str, ...] = field(repr=False)
    hashes: bytes = field(repr=False)
    """16 bytes a recipient."""
    references: tuple[str | None, ...] | None = field(repr=False)
    """The callers' references; None where no recipient has one."""
    sealed: bytes = field(repr=False)
    """Addresses and variables, sealed; see ledger/sealing. Empty once erased."""
    work: Work
    due_at: datetime | None = None
    """Not before; None: at once."""
    cancelled: bool = False
    pauses: int = 0
    """See Marks."""
    expires_at: datetime | None = None
    """When even a paused one may be claimed: what is not sent by then has expired."""
    searchable: bool = False
    """Whether its hashes are indexed, for duplicates across parts."""
    resend_of: tuple[LogId | None, ...] | None = None
    """The logs of the deliveries that its own repeat; None where none repeats any."""

    @property
    def control_flags(self) -> ControlFlags:
        """What was ordered about it."""
        return ControlFlags(self.cancelled, self.pauses)


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who wants a chunk, for how long, and which providers it would use."""

    owner: str
    """A name of this claim alone; a repeat of the same claim finds that it holds the chunk already."""
    lease_seconds: float
    providers: Mapping[Channel, tuple[str, ...]]
    """Names by priority; a window with n attempts spent gets number n modulo their count."""


@dataclass(frozen=True, slots=True)
class ClaimToken:
    """The proof of a claim that every later write carries (I3)."""

    chunk_id: ChunkId
    owner: str
    fence: int
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """A chunk in this owner's hands."""

    chunk: Chunk
    token: ClaimToken
    window: Window | None
    taken_over: bool
    """The window was open: an earlier owner may have sent it."""


class Log(NamedTuple):
    """One delivery's outcome, written once under an id that follows from request and position.

    A tuple, since a frozen dataclass of so many fields takes three times as long to make.
    """

    id: LogId
    tenant_id: str
    user_id: str | None
    request_id: str
    channel: Channel
    recipient: str
    """Masked."""
    recipient_hash: bytes
    reference: str | None
    status: Status
    """Receipts move it."""
    outcome: Status
    """Never changes; events and counts are made from it."""
    reason: Reason | None
    provider: str | None
    provider_message_id: str | None
    response: str | None
    error: str | None
    template_id: str | None
    attempts: int
    created_at: datetime
    """When the request was accepted."""
    updated_at: datetime
    sent_at: datetime | None
    resend_of: LogId | None = None
    """The log of the delivery that it repeats."""
    resent_as: LogId | None = None
    """The delivery that repeats it; once there is one, it stays."""


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """One version of a tenant's template. A version never changes: an update is a new one."""

    id: str
    """The same for all versions."""
    tenant_id: str
    code: str
    version: int
    """From 1."""
    content: str = field(repr=False)
    subject: str | None = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """What was decided about the first call that brought an `Idempotency-Key`, so that a repeat decides the same."""

    key: RequestKey
    """Of the tenant's request that the `Idempotency-Key` names."""
    tenant_id: str
    key_id: str
    """Which sealing key the digest is keyed with."""
    digest: bytes
    """Keyed digest of what was asked for, and for whom."""
    accepted_at: datetime
    template_version: int | None = None
    """The version that the request's template had; None: it names no template."""
    created_at: datetime | None = None
    """When it was taken, on the server's clock; the ledger sets it."""


def tally(counts: Counts) -> tuple[dict[str, int], dict[str, int]]:
    """(by status, by reason)."""
    by_status: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    for (status, reason), number in sorted(counts.items(), key=str):
        by_status[status.value] = by_status.get(status.value, 0) + number
        if reason is not None:
            by_reason[reason.value] = by_reason.get(reason.value, 0) + number
    return by_status, by_reason
