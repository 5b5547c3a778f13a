"""Request of a caller: the HTTP body, and the intake record that is built from it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

from pydantic import AfterValidator, ConfigDict, FailFast, Field, StringConstraints, Tag, model_validator

from schemas.amounts import BUDGET, Budget
from schemas.mail_fields import ONE_RECIPIENT, CopyAddresses, Mailbox, problem_of_mail_fields
from schemas.mailing_lists import MailingList
from schemas.record_base import SCHEMA_VERSION, IntakeRecord, NullAsAbsent
from schemas.regions import Region
from schemas.statuses import Category, Channel, ContentType, OnUncertain
from schemas.text_patterns import name_pattern, text_pattern
from schemas.time_zones import TIME_ZONE, TimeZone
from schemas.timestamps import ActionTime
from schemas.variables import Name, SecretVariables, Variables

MAX_PARTS = 2_048
"""Maximum number of parts of a request. Each part is added to the document of its request, which grows with them."""

MAX_CONTENT = 500_000
"""Maximum length of a content with its placeholders, in characters. Settings limit the text that is sent."""
MAX_SMS_SEGMENTS, MAX_EMAIL_BYTES = 10, 256 * 1024
"""Default maximum of an SMS in segments, and of an e-mail text or HTML in bytes."""
MAX_TEMPLATE_VERSION = 2**31 - 1
"""Maximum version of a template. MongoDB refuses integers of more than 64 bits."""

Address = Annotated[str, StringConstraints(min_length=1, max_length=320)]
Subject = Annotated[str, StringConstraints(max_length=900)]
RequestId = Annotated[str, name_pattern(128, "._:@~+=-")]
TenantId = Annotated[str, name_pattern(64, "._:@~-")]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
LogIdText = Annotated[str, text_pattern(r"^log_[0-9a-hjkmnp-tv-z]{26}[0-9a-f]{9}$", "must be the id of a delivery")]
ProviderName = Annotated[str, text_pattern(r"^[A-Za-z0-9._-]{1,64}$", "must have 1 to 64 letters, digits and . _ -")]
TopicName = Annotated[str, text_pattern(r"^[A-Za-z0-9._-]{1,249}$", "must have 1 to 249 letters, digits and . _ -")]


class Recipient(IntakeRecord, published_as="Recipient"):
    """Recipient, with the variables for this recipient alone."""

    to: Address = Field(description="phone number or e-mail address", examples=["13800138000"])
    variables: Variables = Field(
        default_factory=dict,
        description="variables of this recipient. They win over the variables of the request.",
        examples=[{"code": "7"}],
    )
    reference: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="the caller's own name for this delivery", examples=["order-17"]
    )
    region: Region | None = Field(
        default=None,
        description="country of this phone number if it is written without `+`. Wins over the region of the request.",
        examples=["CN"],
    )
    timezone: TimeZone | None = TIME_ZONE

    def __repr__(self) -> str:
        return "Recipient(***)"

    __str__ = __repr__


class IntakeRecipient(Recipient, published_as="IntakeRecipient"):
    """Recipient on the intake. It may repeat a delivery of an earlier request."""

    resend_of: LogIdText | None = Field(
        default=None,
        description="log id of an unknown or failed delivery. It is sent again here, once, and by no other request.",
    )


AnyRecipient = Annotated[Address | Recipient, Field(union_mode="left_to_right")]


class RecipientFields(NamedTuple):
    """Fields of a checked recipient. A model takes four times the memory, and a record has up to 90,000 of them."""

    to: str
    variables: dict[str, str]
    reference: str | None
    region: str | None
    resend_of: str | None
    timezone: str | None

    def __repr__(self) -> str:
        return "Recipient(***)"


_NO_VARIABLES: dict[str, str] = {}
"""Variables of all recipients that have none. Nobody adds one to it."""


def _fields_of(recipient: IntakeRecipient) -> RecipientFields:
    to, variables, zone = recipient.to, recipient.variables or _NO_VARIABLES, recipient.timezone
    return RecipientFields(to, variables, recipient.reference, recipient.region, recipient.resend_of, zone)


if TYPE_CHECKING:
    AnyIntakeRecipient = str | RecipientFields
else:
    AnyIntakeRecipient = Annotated[
        Address | Annotated[IntakeRecipient, AfterValidator(_fields_of), Tag("IntakeRecipient")],
        Field(union_mode="left_to_right"),
    ]


class BulkBody(IntakeRecord):
    """Fields of `POST /communication/bulk`: those of the contract, and those that rollcall adds."""

    model_config = ConfigDict(serialize_by_alias=True)

    channel: Channel = Field(examples=["sms"])
    content: Annotated[str, StringConstraints(max_length=MAX_CONTENT)] = Field(
        description="text of the message, with `{{name}}` for a variable. May be empty or absent only with a template.",
        examples=["您的验证码是123456"],
    )
    recipients: Annotated[list[AnyRecipient], FailFast()] = Field(
        description="at least one recipient: an address, or an object with an address and its own variables",
        examples=[["13800138000", "13900139000"]],
    )
    variables: Variables = Field(
        default_factory=dict, description="variables for all recipients", examples=[{"code": "123456"}]
    )
    template: Name | None = Field(
        default=None,
        description="code of a stored template. Its text replaces `content`.",
        examples=["verify_code"],
    )
    subject: Subject | None = Field(
        default=None,
        description="subject of an e-mail. Required without a template. Replaces the template's. Not used for SMS.",
        examples=["通知"],
    )
    user_id: UserId | None = Field(
        default=None,
        description="user for whom the request is sent. Over HTTP the default is the token's user.",
        examples=["usr_abc123"],
    )
    reply_topic: TopicName | None = Field(
        default=None, description="Kafka topic for the results. It must be one of the allowed topics."
    )
    category: Annotated[Category, NullAsAbsent()] = Category.TRANSACTIONAL
    on_uncertain: Annotated[OnUncertain, NullAsAbsent()] = Field(
        default=OnUncertain.MARK_UNKNOWN, description="action for a delivery that may or may not have been sent"
    )
    send_at: ActionTime | None = Field(
        default=None, description="time before which nothing is sent, at most a year ahead"
    )
    expires_at: ActionTime | None = Field(
        default=None, description="time after which nothing is sent, at most two years ahead"
    )
    content_type: ContentType | None = Field(
        default=None,
        description="type of the content. Goes before the template's. Without either, a rule decides for e-mail, and "
        "an SMS is text/plain. text/html is for e-mail only.",
    )
    region: Region | None = Field(
        default=None,
        description="country (ISO 3166-1) of phone numbers without `+`. The default is a setting of the consumer. "
        "Not used for e-mail.",
        examples=["CN"],
    )
    secret_variables: SecretVariables | None = Field(
        default=None,
        description="names of variables whose values are secret, such as a login code. Wherever the text is shown, "
        "`***` stands for them. They are erased with the outcome. Each must be used in the content or the subject. "
        "Those of the template are added.",
        examples=[["code"]],
    )
    keep_secret_variables: bool | None = Field(
        default=None,
        description="true to keep the secret values as long as the other variables, so that deliveries can be resent",
    )
    reply_to: Mailbox | None = Field(
        default=None,
        description="e-mail address for replies, or `Name <address>`. Only for e-mail. It is not a Kafka topic.",
        examples=["Support <support@example.com>"],
    )
    provider: ProviderName | None = Field(default=None, description="only provider that may send. Unset: routes tell.")
    cc: CopyAddresses | None = Field(
        default=None,
        description="e-mail addresses that get a copy. Only for e-mail to exactly one recipient.",
        examples=[["team@example.com"]],
    )
    budget: Budget | None = BUDGET
    mailing_list: MailingList | None = Field(
        default=None,
        alias="list",
        description="mailing list that the message belongs to. A recipient may have opted out of it alone.",
        examples=["weekly-news"],
    )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(channel={self.channel}, recipients={len(self.recipients)}, ***)"

    __str__ = __repr__

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.recipients and not getattr(self, "part", 0):
            raise ValueError("recipients: at least one is required")
        if not self.content.strip("\ufeff") and self.template is None:
            raise ValueError("content: may be empty only with a template")
        if self.channel is Channel.EMAIL and self.template is None and not self.subject:
            raise ValueError("subject: is required for e-mail without a template")
        if self.send_at and self.expires_at and self.expires_at <= self.send_at:
            raise ValueError("expires_at: must be after send_at")
        if self.content_type is ContentType.HTML and self.channel is not Channel.EMAIL:
            raise ValueError("content_type: must be text/plain for SMS, because text/html is for e-mail only")
        secret = self.secret_variables or []
        if repeated := next((at for at, name in enumerate(secret) if name in secret[:at]), None):
            raise ValueError(f"secret_variables[{repeated}]: is named twice")
        if self.budget is not None and self.channel is not Channel.SMS:
            raise ValueError("budget: must not be given for e-mail, because only SMS have prices")
        if problem := problem_of_mail_fields(self.channel, self.reply_to, self.cc, len(self.recipients)):
            raise ValueError(problem)
        return self

    def has_passed_send_at(self, now: datetime) -> bool:
        """Return whether the request asks to wait for a time that has passed. It is then sent at once."""
        return self.send_at is not None and self.send_at <= now


class BulkRequest(BulkBody, published_as="BulkRequest"):
    """Part of a request, as a record of an intake topic."""

    recipients: Annotated[list[AnyIntakeRecipient], FailFast()] = Field(  # type: ignore[assignment]  # invariant
        description="at least one recipient: an address, or an object with an address and its own variables",
        examples=[["13800138000", "13900139000"]],
    )
    tenant_id: TenantId
    request_id: RequestId | None = None
    resend_of: RequestId | None = Field(
        default=None, description="id of the earlier request whose deliveries this request repeats"
    )
    accepted_at: ActionTime | None = None
    template_version: Annotated[int, Field(ge=1, le=MAX_TEMPLATE_VERSION)] | None = None
    """Version of `template` when the request was accepted. None means the newest version at the first expansion."""
    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION), NullAsAbsent()] = SCHEMA_VERSION
    part: Annotated[int, Field(ge=0, lt=MAX_PARTS), NullAsAbsent()] = 0
    last: Annotated[bool, NullAsAbsent()] = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.template_version is not None and self.template is None:
            raise ValueError("template_version: must not be given without a template")
        if self.cc and (self.part or not self.last):
            raise ValueError(f"cc: {ONE_RECIPIENT}")
        return self
