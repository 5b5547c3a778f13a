"""Events that a caller reads on the results topic, or on the reply topic of the request."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StringConstraints

from schemas.receipts import ReceiptClass
from schemas.record_base import PublishedRecord
from schemas.statuses import Channel, Reason, RejectionReason, SmsEncoding, Status

CE_SOURCE = "rollcall"
"""CloudEvents 1.0 `source` of every event."""


class EventType(StrEnum):
    """CloudEvents 1.0 `type` of an event."""

    DELIVERY_SENT = "delivery.sent"
    DELIVERY_UNKNOWN = "delivery.unknown"
    DELIVERY_DELIVERED = "delivery.delivered"
    DELIVERY_FAILED = "delivery.failed"
    DELIVERY_SUPPRESSED = "delivery.suppressed"
    DELIVERY_CANCELLED = "delivery.cancelled"
    DELIVERY_EXPIRED = "delivery.expired"
    REQUEST_ACCEPTED = "request.accepted"
    REQUEST_REJECTED = "request.rejected"
    REQUEST_COMPLETED = "request.completed"


class DeliveryEvent(PublishedRecord, published_as="DeliveryEvent"):
    """Outcome of one delivery (`delivery.<status>`). A delivery has exactly one. Repeats share `event_id`.

    An event with the field `outcome` is no outcome. It tells that a receipt has changed the status of the delivery, to
    `delivered` or `failed`. A delivery has at most one such event.
    """

    event_id: str
    request_id: str
    log_id: str
    part: int
    index: int
    reference: str | None
    tenant_id: str
    channel: Channel
    recipient: str
    status: Status
    provider: str | None
    reason: Reason | None
    error: str | None
    attempts: int
    occurred_at: datetime
    correlation_id: str | None
    resend_of: str | None = None
    """Log id of the delivery that this one repeats."""
    encoding: SmsEncoding | None = None
    """Encoding of an SMS that was rendered for a provider. Absent for e-mail, and before that."""
    segments: int | None = None
    """Number of segments of this SMS, as providers bill them."""
    cost: dict[str, str] | None = None
    """Cost by currency, if the delivery may have been sent. Uncertain tries count. Absent if no price is known."""
    outcome: Status | None = None
    """Outcome of the delivery before its receipt. Absent in the event of an outcome."""
    receipt_class: ReceiptClass | None = None
    """Class of the receipt, in a receipt event only."""
    code: str | None = None
    """Status or error code of the provider, in a receipt event only."""


class RequestAccepted(PublishedRecord, published_as="RequestAccepted"):
    """Acceptance of one part, which was expanded (`request.accepted`)."""

    event_id: str
    request_id: str
    tenant_id: str
    part: int
    recipients: int
    occurred_at: datetime
    correlation_id: str | None


class RequestRejected(PublishedRecord, published_as="RequestRejected"):
    """Rejection of a record (`request.rejected`). `fields` are paths such as `recipients[3].to`."""

    event_id: str
    request_id: str
    tenant_id: str | None
    part: int | None
    reason: RejectionReason
    fields: list[str]
    message: str
    occurred_at: datetime
    correlation_id: str | None


class RequestCompleted(PublishedRecord, published_as="RequestCompleted"):
    """Completion of a request (`request.completed`), with its counts. No delivery is left to attempt."""

    event_id: str
    request_id: str
    tenant_id: str
    total: int
    by_status: dict[str, int]
    by_reason: dict[str, int]
    incomplete: bool
    occurred_at: datetime
    correlation_id: str | None
    cost: dict[str, str] | None = None
    """Sum of the costs of all deliveries, by currency. Absent if no price is known."""


class ChunkPointer(PublishedRecord, published_as="ChunkPointer"):
    """Wake-up message: this chunk may have work. If it is lost, repeated or reordered, nothing changes."""

    chunk_id: Annotated[str, StringConstraints(max_length=100)]
    channel: Channel
    """Channel whose slots the chunk needs."""
    schema_version: Literal[1] = 1
