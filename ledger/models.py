"""Values that the ledger stores and returns. Their reprs show no address and no text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Self

from core.chunk_work import Counts, Work, tally
from core.ids import ChunkId, LogId, RequestKey
from core.money import NO_COST, Cost
from core.vendor_template import VendorTemplates
from ledger.receipt_effects import AsLogged
from schemas.receipts import ReceiptClass
from schemas.statuses import Category, Channel, ContentType, Lane, OnUncertain, Reason, SmsEncoding, Status


@dataclass(frozen=True, slots=True)
class RequestHeader:
    """Fields of a request that its first expansion decides for all parts (I5)."""

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
    """Id of the sealing key of the digests and of the address hashes."""
    digest: bytes
    """Keyed digest of the fields that all parts share."""
    sealed_text: bytes = field(repr=False)
    """Content, subject and variables of the request, sealed. Empty after they were erased."""
    intake_topic: str = ""
    intake_partition: int = 0
    template_version: int | None = None
    """Version of the template that `sealed_text` was made from."""
    resend_of: str | None = None
    """Id of the request whose deliveries this one repeats."""
    content_type: ContentType | None = None
    """Type of the content. None means that `core.content_type.first_rule` decides, as for requests of old versions."""
    region: str | None = None
    """Country that the caller gave for phone numbers without `+`. None: the default of the consumer."""
    secret_variables: tuple[str, ...] | None = None
    """Names of the variables whose values are never shown, those of the template included."""
    keep_secret_variables: bool | None = None
    """True if the secret values are kept in `sealed_text` and in `sealed` of the chunks, so that they can be resent."""
    sealed_secrets: bytes | None = field(default=None, repr=False)
    """Secret variables of the request. None if there are none, or after the completion erased them."""
    vendor_templates: VendorTemplates = field(default_factory=dict)
    """Templates of vendors that say the same as the template of the request, by the name of the provider."""
    provider: str | None = None
    """Name of the only provider that may be called. None: the routes tell."""
    budget: Cost | None = None
    """Maximum of what the deliveries may cost. None: no maximum."""
    mailing_list: str | None = None

    @property
    def erasable_variables(self) -> tuple[str, ...]:
        """Return the names of the variables that are sealed apart, and erased together with the outcome."""
        return () if self.keep_secret_variables else self.secret_variables or ()


@dataclass(frozen=True, slots=True)
class Part:
    """Fields of one part that are stored before its first chunk."""

    number: int
    size: int
    """Number of recipients."""
    chunk_size: int
    digest: bytes
    """Keyed digest of the canonical body."""
    last: bool
    default_region: str | None = None
    """Country of the phone numbers without `+`: the region of the request, or the default of the first expansion."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Final counts of a request without pending deliveries, stored once."""

    completed_at: datetime
    total: int
    by_status: Mapping[str, int]
    by_reason: Mapping[str, int]
    incomplete: bool
    cost: Cost = field(default_factory=dict)
    """Sum of the costs of all deliveries that may have been paid."""

    @classmethod
    def of(cls, counts: Counts, completed_at: datetime, *, incomplete: bool = False, cost: Cost = NO_COST) -> Self:
        """Return the completion with these counts."""
        by_status, by_reason = tally(counts)
        return cls(completed_at, counts.total(), by_status, by_reason, incomplete, cost)


class ControlFlags(NamedTuple):
    """Orders of the caller about a request, as stored in its document or in one of its chunks."""

    cancelled: bool = False
    pauses: int = 0
    """Number of times that the request was paused or resumed. It is odd while the request is paused.

    A chunk accepts a higher number only, so that a late order does not undo a newer one.
    """

    @property
    def paused(self) -> bool:
        """Return whether nothing may be sent until the request is resumed."""
        return self.pauses % 2 == 1 and not self.cancelled


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """Request as the ledger stores it."""

    header: RequestHeader
    parts: Mapping[int, Part]
    """Registered parts, by number."""
    expanded_parts: frozenset[int] = frozenset()
    """Numbers of the parts whose chunks are all written."""
    last_part: int | None = None
    cancelled: bool = False
    pauses: int = 0
    intake_closed: bool = False
    """True after a part did not arrive in time. A part that is not registered by then is refused."""
    lost_parts: frozenset[int] = frozenset()
    """Registered parts whose record is lost. Their written chunks count, and no more will be written."""
    completion: Completion | None = None
    completion_published: bool = False
    """True after Kafka acknowledged `request.completed`."""
    holds_chunk: bool = False
    """True for a small request that was written as one document with its only chunk."""
    begun_at: datetime | None = None
    """Time when the newest part was registered, on the clock of the server."""

    @property
    def control_flags(self) -> ControlFlags:
        """Return the control flags as one value."""
        return ControlFlags(self.cancelled, self.pauses)

    @property
    def all_parts_expanded(self) -> bool:
        """Return whether every part is expanded. Lost parts and refused parts do not count."""
        if self.intake_closed:
            return self.expanded_parts | self.lost_parts >= self.parts.keys()
        return self.last_part is not None and self.expanded_parts >= set(range(self.last_part + 1))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Unit of work and of claiming: up to 1,000 recipients of one part."""

    id: ChunkId
    key: RequestKey
    part: int
    first: int
    """Index of the first recipient in the part."""
    size: int
    channel: Channel
    lane: Lane
    masked: tuple[str, ...] = field(repr=False)
    hashes: bytes = field(repr=False)
    """Keyed hashes of the addresses, 16 bytes for each recipient."""
    references: tuple[str | None, ...] | None = field(repr=False)
    """References of the caller. None if no recipient has one."""
    sealed: bytes = field(repr=False)
    """Addresses and variables, sealed (ledger/chunk_recipients.py). Empty after they were erased."""
    work: Work
    due_at: datetime | None = None
    """Earliest time of the next claim. None: at once."""
    cancelled: bool = False
    pauses: int = 0
    expires_at: datetime | None = None
    """Time from which even a paused chunk may be claimed. Deliveries that are not sent by then have expired."""
    searchable: bool = False
    """True if the hashes are indexed, to find duplicates across parts."""
    resend_of: tuple[LogId | None, ...] | None = None
    """Logs of the deliveries that are repeated, by recipient. None if no delivery of the chunk is a repeat."""
    sealed_secrets: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    """Secret variables of each recipient that has some and has no outcome yet, by index in the part."""
    in_request: bool = False
    """True if the chunk is the only one of a small request, and is stored in the document of the request."""

    @property
    def control_flags(self) -> ControlFlags:
        """Return the control flags as one value."""
        return ControlFlags(self.cancelled, self.pauses)


class Log(NamedTuple):
    """Outcome of one delivery, written once. The id follows from the request and the position.

    It is a tuple, because a frozen dataclass with this many fields takes three times as long to create.
    """

    id: LogId
    tenant_id: str
    user_id: str | None
    request_id: str
    channel: Channel
    recipient: str
    """Masked address."""
    recipient_hash: bytes
    reference: str | None
    status: Status
    """Current status. Receipts change it."""
    outcome: Status
    """Status at the end of the delivery. It never changes. Events and counts are made from it."""
    reason: Reason | None
    provider: str | None
    provider_message_id: str | None
    response: str | None
    error: str | None
    template_id: str | None
    attempts: int
    created_at: datetime
    """Time when the request was accepted."""
    updated_at: datetime
    sent_at: datetime | None
    resend_of: LogId | None = None
    """Log of the delivery that this one repeats."""
    resent_as: LogId | None = None
    """Log of the delivery that repeats this one. Once set, it does not change."""
    next_attempt_at: datetime | None = None
    """Earliest time of the next try. Only a pending delivery that was tried has it, and it is not stored in a log."""
    encoding: SmsEncoding | None = None
    segments: int | None = None
    """Number of segments of an SMS that was rendered in this encoding."""
    cost: Cost | None = None
    """Cost of a delivery that may have been sent. None if it was certainly not sent, or if no price is known."""
    receipt_class: ReceiptClass | None = None
    receipt_code: str | None = None
    receipt_at: datetime | None = None
    settled_by: str | None = None
    """Id of the receipt that changed the status last. `receipt_at` is its time, as the provider tells it."""
    as_logged: AsLogged | None = None
    """Values that receipts have replaced. None if no receipt changed the status."""

    @property
    def outcome_reason(self) -> Reason | None:
        """Return the reason for the outcome, which is that of the status until a receipt changes it."""
        return self.as_logged.reason if self.as_logged else self.reason
