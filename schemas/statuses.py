"""The closed sets: channels, statuses, reasons, policies. Each member carries its line of meaning."""

from enum import StrEnum
from typing import Any, Self

from schemas.published_names import publish_as


class DescribedEnum(StrEnum):
    """A string enumeration whose members are written `NAME = "value", "what it means"`.

    `published_as` fixes its name in the generated documents, so that its class may be renamed.
    """

    meaning: str

    def __init_subclass__(cls, *, published_as: str | None = None, **kwargs: Any) -> None:
        """Name the enumeration for the generated documents."""
        super().__init_subclass__(**kwargs)
        publish_as(cls, published_as)

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """Make a member that is its value and knows its meaning."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class Channel(DescribedEnum, published_as="Channel"):
    """How a recipient is reached."""

    SMS = "sms", "a text message to a phone number"
    EMAIL = "email", "an e-mail to a mailbox"


class Lane(DescribedEnum):
    """Which topics and slots carry a chunk, so that small requests never wait behind large ones."""

    BULK = "bulk", "requests of several chunks or parts"
    EXPRESS = "express", "requests of one part and at most one chunk"


class OnUncertain(DescribedEnum, published_as="OnUncertain"):
    """What a request wants for a delivery that may or may not have been sent."""

    MARK_UNKNOWN = "mark_unknown", "never send again, end it as unknown"
    RESEND = "resend", "send again with the same delivery id"


class Category(DescribedEnum, published_as="Category"):
    """What kind of message a request carries."""

    TRANSACTIONAL = "transactional", "one that its recipient caused or expects, such as a login code"
    MARKETING = "marketing", "one that its recipient may opt out of"


class Status(DescribedEnum, published_as="Status"):
    """Where a delivery stands (docs/protocol.md)."""

    PENDING = "pending", "accepted, or between two attempts"
    SCHEDULED = "scheduled", "waits for its send_at"
    SENT = "sent", "the provider took it"
    UNKNOWN = "unknown", "may or may not have been sent"
    DELIVERED = "delivered", "the receipt says that it arrived"
    FAILED = "failed", "was not sent, or did not arrive; the reason says why"
    SUPPRESSED = "suppressed", "must not be sent; the reason says why"
    CANCELLED = "cancelled", "stopped by hand before it was sent"
    EXPIRED = "expired", "not sent before the request's expires_at"


class RequestState(DescribedEnum, published_as="RequestState"):
    """How far a request is."""

    SCHEDULED = "scheduled", "waits for its send_at"
    SENDING = "sending", "is being sent, or has deliveries that wait to be tried again"
    PAUSED = "paused", "nothing more is sent until it is resumed"
    CANCELLED = "cancelled", "nothing more is sent, and not all of its deliveries have their outcome yet"
    COMPLETED = "completed", "every delivery has its outcome"


RESENDABLE = frozenset({Status.UNKNOWN, Status.FAILED})
"""What may be sent again, as another delivery."""

WITHOUT_LOG = frozenset({Status.PENDING, Status.SCHEDULED})
"""What a delivery without a log is."""


class Reason(DescribedEnum, published_as="Reason"):
    """Why a delivery ended as it did."""

    INVALID_RECIPIENT = "invalid_recipient", "failed: the address is none for this channel"
    MISSING_VARIABLE = "missing_variable", "failed: the content names a variable that nobody gave"
    INVALID_CONTENT = "invalid_content", "failed: a variable would break the message, such as a line break in a subject"
    UNPROCESSABLE = (
        "unprocessable",
        "failed: it met a fault of the consumer that repeating did not cure, or no sealing key opened it in time",
    )
    REJECTED = "rejected", "failed: the provider refused the message for good"
    GAVE_UP = "gave_up", "failed: every attempt was refused for the moment, until attempts or time ran out"
    UNAVAILABLE = "unavailable", "between attempts: the provider could not be reached or had a fault of its own"
    RATE_LIMITED = "rate_limited", "between attempts: the provider asked to wait; spends no attempt"
    NO_ANSWER = "no_answer", "unknown: the request was written, its answer never came"
    INTERRUPTED = "interrupted", "unknown: the process that was sending it stopped in the middle"
    DUPLICATE = "duplicate", "suppressed: the same address stands at a lower position of the request"
    SETTLED = "settled", "suppressed: what it was to repeat was settled meanwhile, or is sent again elsewhere"
    OPTED_OUT = "opted_out", "suppressed: the recipient asked not to be sent to"
    BOUNCED = "bounced", "suppressed: an earlier message to this address bounced for good"
    UNDELIVERED = "undelivered", "failed by a receipt: the message was taken and did not arrive"
    CANCELLED = "cancelled", "cancelled: the request was stopped by hand"
    EXPIRED = "expired", "expired: the request's expires_at has passed"


class RejectionReason(DescribedEnum, published_as="Rejection"):
    """Why a record of the intake was refused; nothing of it was sent."""

    NULL_VALUE = "null_value", "the record has no value"
    NOT_JSON = "not_json", "the value is not a JSON object in UTF-8"
    INVALID_SCHEMA = "invalid_schema", "fields are missing, unknown or of the wrong type"
    UNSUPPORTED_VERSION = "unsupported_version", "schema_version is newer than this consumer"
    TOO_LARGE = "too_large", "the record is larger than the intake takes"
    INVALID_CONTENT = "invalid_content", "the content or subject cannot be used as a template or a header"
    UNPROCESSABLE = (
        "unprocessable",
        "it met a fault of this consumer that repeating did not cure, or a sealing key is missing",
    )
    UNKNOWN_TEMPLATE = "unknown_template", "the tenant has no template of this code, or not in this version"
    REPLY_TOPIC_REFUSED = "reply_topic_refused", "the reply topic is not allowed, or does not exist"
    REQUEST_CONFLICT = "request_conflict", "the same request id was taken with another body"
    PART_REFUSED = "part_refused", "the part came after the last one, or after the request was cut"
