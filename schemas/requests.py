"""What a caller asks for: the intake record, and the HTTP body it grows from."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import FailFast, Field, StringConstraints, model_validator

from schemas.record_base import SCHEMA_VERSION, IntakeRecord
from schemas.statuses import Category, Channel, OnUncertain
from schemas.timestamps import ActionTime

MAX_PARTS = 65_536
"""How many parts a request may have: the position's part is four hexadecimal digits."""

FURTHEST_SEND, FURTHEST_EXPIRY = timedelta(days=366), 2 * timedelta(days=366)
"""How far ahead of its acceptance a request may be scheduled, and may expire."""

Address = Annotated[str, StringConstraints(min_length=1, max_length=320)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Subject = Annotated[str, StringConstraints(max_length=900)]
RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@~+=-]{0,127}$")]
TenantId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@~-]{0,63}$")]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
LogIdText = Annotated[str, StringConstraints(pattern=r"^log_[0-9a-hjkmnp-tv-z]{26}[0-9a-f]{9}$")]
TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Variables = Annotated[dict[Name, str], FailFast()]
"""Looked at up to the first wrong one: an error for each of a million would fill the memory."""


class Recipient(IntakeRecord, published_as="Recipient"):
    """One to reach, with what is said to them alone."""

    to: Address = Field(description="a phone number or an e-mail address", examples=["13800138000"])
    variables: Variables = Field(default_factory=dict, description="before the request's own", examples=[{"code": "7"}])
    reference: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="the caller's own name for this delivery", examples=["order-17"]
    )

    def __repr__(self) -> str:
        return "Recipient(***)"

    __str__ = __repr__


class IntakeRecipient(Recipient, published_as="IntakeRecipient"):
    """The same on the intake, where it may repeat a delivery of an earlier request."""

    resend_of: LogIdText | None = Field(
        default=None,
        description="the log of a delivery that is unknown or failed: it is sent again here, once and by nobody else",
    )


AnyRecipient = Annotated[Address | Recipient, Field(union_mode="left_to_right")]
AnyIntakeRecipient = Annotated[Address | IntakeRecipient, Field(union_mode="left_to_right")]


class BulkBody(IntakeRecord):
    """The body of `POST /communication/bulk`: the contract's fields, and what rollcall adds to them."""

    channel: Channel = Field(examples=["sms"])
    content: str = Field(
        description="with `{{name}}` for a variable; may be empty beside a template", examples=["您的验证码是123456"]
    )
    recipients: list[AnyRecipient] = Field(
        description="at least one; addresses, or objects with an address and what is said to them alone",
        examples=[["13800138000", "13900139000"]],
    )
    variables: Variables = Field(default_factory=dict, description="for all recipients", examples=[{"code": "123456"}])
    template: Name | None = Field(
        default=None,
        description="the code of a stored template, whose text replaces `content`",
        examples=["verify_code"],
    )
    subject: Subject | None = Field(
        default=None,
        description="of an e-mail: needed without a template, and before the template's; an SMS has none",
        examples=["通知"],
    )
    user_id: UserId | None = Field(
        default=None, description="for whom it is sent; over HTTP by default the token's user", examples=["usr_abc123"]
    )
    reply_topic: TopicName | None = Field(
        default=None, description="the Kafka topic for its results, among those that are allowed"
    )
    category: Category = Category.TRANSACTIONAL
    on_uncertain: OnUncertain = Field(
        default=OnUncertain.MARK_UNKNOWN, description="what becomes of a delivery that may or may not have been sent"
    )
    send_at: ActionTime | None = Field(default=None, description="not before; at most a year ahead")
    expires_at: ActionTime | None = Field(default=None, description="not after; at most two years ahead")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(channel={self.channel}, recipients={len(self.recipients)}, ***)"

    __str__ = __repr__

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.recipients and not getattr(self, "part", 0):
            raise ValueError("recipients: at least one is needed")
        if not self.content and self.template is None:
            raise ValueError("content: may be empty only beside a template")
        if self.channel is Channel.EMAIL and self.template is None and not self.subject:
            raise ValueError("subject: is needed for e-mail without a template")
        if self.send_at and self.expires_at and self.expires_at <= self.send_at:
            raise ValueError("expires_at: is not after send_at")
        return self


def too_far_ahead(body: BulkBody, accepted_at: datetime) -> tuple[str, str] | None:
    """The field that names a time so far ahead that it cannot be meant, and what is wrong with it."""
    if body.send_at and body.send_at - FURTHEST_SEND > accepted_at:
        return "send_at", "is more than a year ahead"
    if body.expires_at and body.expires_at - FURTHEST_EXPIRY > accepted_at:
        return "expires_at", "is more than two years ahead"
    return None


class BulkRequest(BulkBody, published_as="BulkRequest"):
    """One part of a request as it travels on the intake topics."""

    recipients: list[AnyIntakeRecipient] = Field(  # type: ignore[assignment]  # a list of less is no list of more
        description="at least one; addresses, or objects with an address and what is said to them alone",
        examples=[["13800138000", "13900139000"]],
    )
    tenant_id: TenantId
    request_id: RequestId | None = None
    resend_of: RequestId | None = Field(default=None, description="the earlier request whose deliveries it repeats")
    accepted_at: ActionTime | None = None
    template_version: Annotated[int, Field(ge=1)] | None = None
    """The version that `template` had when the request was accepted; None: the newest when it is expanded first."""
    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    part: Annotated[int, Field(ge=0, lt=MAX_PARTS)] = 0
    last: bool = True

    @model_validator(mode="after")
    def _version_of_something(self) -> Self:
        if self.template_version is not None and self.template is None:
            raise ValueError("template_version: is given without a template")
        return self
