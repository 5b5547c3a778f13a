"""Closed sets: channels, statuses, reasons and policies. Each member carries one line with its meaning."""

from enum import StrEnum
from typing import Any, Self

from schemas.published_names import publish_as


class DescribedEnum(StrEnum):
    """String enumeration whose members are written `NAME = "value", "what it means"`.

    `published_as` fixes its name in the generated documents, so that its class may be renamed.
    """

    meaning: str

    def __init_subclass__(cls, *, published_as: str | None = None, **kwargs: Any) -> None:
        """Name the enumeration for the generated documents."""
        super().__init_subclass__(**kwargs)
        publish_as(cls, published_as)

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """Create a member that equals its value and has a meaning."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class Channel(DescribedEnum, published_as="Channel"):
    """Way to reach a recipient."""

    SMS = "sms", "text message to a phone number"
    EMAIL = "email", "e-mail to a mailbox"


class Lane(DescribedEnum):
    """Topics and slots that carry a chunk, separate so that small requests never wait behind large ones."""

    BULK = "bulk", "requests of several chunks or parts"
    EXPRESS = "express", "requests of one part and at most one chunk"


class OnUncertain(DescribedEnum, published_as="OnUncertain"):
    """Policy of a request for a delivery that may or may not have been sent."""

    MARK_UNKNOWN = "mark_unknown", "do not send again, end the delivery as unknown"
    RESEND = "resend", "send again with the same delivery id"


class Category(DescribedEnum, published_as="Category"):
    """Kind of message that a request carries."""

    TRANSACTIONAL = "transactional", "message that the recipient caused or expects, such as a login code"
    MARKETING = "marketing", "message that the recipient may opt out of"


class ChannelStatus(DescribedEnum, published_as="ChannelStatus"):
    """State of a channel, as its running consumers report it."""

    UP = "up", "every provider works, as far as the consumers know"
    DEGRADED = "degraded", "some providers fail"
    DOWN = "down", "every provider fails, there is none, or no consumer runs"


class ContentType(DescribedEnum, published_as="ContentType"):
    """Type of the content of a message."""

    PLAIN = "text/plain", "text, shown as it is"
    HTML = "text/html", "HTML, for e-mail only"


class SmsEncoding(DescribedEnum, published_as="SmsEncoding"):
    """Encoding of an SMS."""

    GSM_7 = "gsm7", "GSM-7"
    UCS_2 = "ucs2", "UCS-2"


class Status(DescribedEnum, published_as="Status"):
    """Status of a delivery (docs/protocol.md)."""

    PENDING = "pending", "accepted, or waiting for the next attempt"
    SCHEDULED = "scheduled", "waiting for its send_at"
    SENT = "sent", "the provider accepted the message"
    UNKNOWN = "unknown", "may or may not have been sent"
    DELIVERED = "delivered", "the receipt confirms that the message arrived"
    FAILED = "failed", "not sent, or not delivered. The reason says why."
    SUPPRESSED = "suppressed", "must not be sent. The reason says why."
    CANCELLED = "cancelled", "stopped by a cancel before it was sent"
    EXPIRED = "expired", "not sent before the expires_at of the request"


class RequestState(DescribedEnum, published_as="RequestState"):
    """Progress of a request."""

    SCHEDULED = "scheduled", "waiting for its send_at"
    SENDING = "sending", "being sent, or waiting for the next attempt of some deliveries"
    PAUSED = "paused", "nothing more is sent until the request is resumed"
    CANCELLED = "cancelled", "nothing more is sent, but some deliveries have no outcome yet"
    COMPLETED = "completed", "every delivery has its outcome"


RESENDABLE = frozenset({Status.UNKNOWN, Status.FAILED})
"""Statuses of deliveries that may be sent again, as another delivery."""

WITHOUT_LOG = frozenset({Status.PENDING, Status.SCHEDULED})
"""Statuses of a delivery that has no log yet."""


class Reason(DescribedEnum, published_as="Reason"):
    """Reason for the status of a delivery."""

    INVALID_RECIPIENT = "invalid_recipient", "failed: the address is not valid for this channel"
    MISSING_VARIABLE = "missing_variable", "failed: the message uses a variable that has no value"
    INVALID_CONTENT = (
        "invalid_content",
        "failed: a variable would break the message or make it too long, such as a line break in a subject",
    )
    TEMPLATE_NOT_MAPPED = "template_not_mapped", "failed: no provider of the channel has a mapping for the template"
    UNPROCESSABLE = (
        "unprocessable",
        "failed: an error in the consumer that occurred at every attempt, or no sealing key opened the content in time",
    )
    REJECTED = "rejected", "failed: the provider rejected the message permanently"
    BLOCKED = (
        "blocked",
        "failed: the provider does not write to this recipient, because of a complaint or an opt-out there",
    )
    COUNTRY_REFUSED = "country_refused", "failed: the provider does not send to this country"
    TOO_LONG = "too_long", "failed: the message is longer than the provider takes"
    GAVE_UP = "gave_up", "failed: every attempt failed temporarily, until the attempts or the time ran out"
    UNAVAILABLE = "unavailable", "between attempts: the provider could not be reached, or it reported an error"
    RATE_LIMITED = (
        "rate_limited",
        "between attempts: the provider asked to wait or is busy, or a limit is reached. No attempt is used.",
    )
    PROVIDER_REJECTED_CREDENTIALS = (
        "provider_rejected_credentials",
        "between attempts: the provider refuses our credentials or account. Failed: it did so for too long.",
    )
    QUIET_HOURS = (
        "quiet_hours",
        "between attempts: outside the send window. Suppressed: it is never open in all time zones of the number.",
    )
    NO_ANSWER = "no_answer", "unknown: the message was sent to the provider, but no answer came"
    INTERRUPTED = "interrupted", "unknown: the sending process stopped before it stored the result"
    DUPLICATE = "duplicate", "suppressed: the same address appears earlier in the request"
    SETTLED = "settled", "suppressed: the delivery to repeat was settled meanwhile, or another request sends it again"
    BUDGET_EXHAUSTED = "budget_exhausted", "suppressed: the budget of the request has no room for the delivery"
    OPTED_OUT = "opted_out", "suppressed: the recipient opted out"
    COMPLAINED = "complained", "suppressed: the recipient reported an earlier message as unwanted"
    BOUNCED = "bounced", "suppressed: an earlier message to this address bounced permanently"
    INVALID_ADDRESS = "invalid_address", "suppressed: the address is listed as one that does not exist"
    MANUAL = "manual", "suppressed: the tenant added the address to its suppressions"
    NO_CONSENT = "no_consent", "suppressed: the tenant asks for a recorded consent, and the recipient has given none"
    CAPPED = "capped", "suppressed: the recipient has got as many messages as a cap of the tenant allows"
    UNDELIVERED = "undelivered", "failed by a receipt: the provider accepted the message, but it did not arrive"
    CANCELLED = "cancelled", "cancelled: the request was cancelled"
    EXPIRED = "expired", "expired: the expires_at of the request has passed"
    ERASED = "erased", "cancelled: the data of the user or of the recipient was erased on request"


class SuppressionReason(DescribedEnum, published_as="SuppressionReason"):
    """Reason why an address must not be written to. The first one that applies is the reason in the log."""

    OPTED_OUT = "opted_out", "the recipient opted out"
    COMPLAINED = "complained", "the recipient reported a message as unwanted"
    BOUNCED = "bounced", "a message bounced permanently"
    INVALID = "invalid", "the address does not exist"
    MANUAL = "manual", "the tenant does not want to write to the address"


class RejectionReason(DescribedEnum, published_as="Rejection"):
    """Reason for the rejection of an intake record. Nothing of the record was sent."""

    UNREADABLE = "unreadable", "the Kafka client cannot parse the record, or its batch is too large when inflated"
    INVALID_TIMESTAMP = "invalid_timestamp", "the timestamp of the record is not a date"
    NULL_VALUE = "null_value", "the record has no value"
    NOT_JSON = "not_json", "the value is not a JSON object in UTF-8"
    INVALID_SCHEMA = "invalid_schema", "fields are missing, unknown or of the wrong type"
    UNSUPPORTED_VERSION = "unsupported_version", "schema_version is newer than this consumer"
    TOO_LARGE = "too_large", "the record is larger than the intake allows"
    INVALID_CONTENT = "invalid_content", "the content or subject is too long, or is not a template or a header"
    UNPROCESSABLE = (
        "unprocessable",
        "an error in the consumer occurred at every attempt, or a sealing key is missing",
    )
    UNKNOWN_TEMPLATE = "unknown_template", "the tenant has no template with this code, or not in this version"
    UNKNOWN_PROVIDER = "unknown_provider", "the channel has no provider with this name"
    TENANT_POLICY = "tenant_policy", "the settings of the tenant do not allow the request"
    REPLY_TOPIC_REFUSED = "reply_topic_refused", "the reply topic is not allowed, or does not exist"
    REQUEST_CONFLICT = "request_conflict", "the request id is already used with another body"
    PART_REFUSED = "part_refused", "the part arrived after the last part, or after the request was closed without it"
