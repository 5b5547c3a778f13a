"""Settings of a tenant. All fields are optional, and a tenant without a document has the defaults."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from schemas.send_window import SendWindowText
from schemas.statuses import Category
from schemas.time_zones import TimeZone

MAX_LIMIT = 1_000_000_000
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, strict=True)]
MAX_POSTAL_ADDRESS = 300
"""Maximum length of a postal address in characters."""
PostalAddress = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=MAX_POSTAL_ADDRESS)
]


class _Settings(BaseModel):
    """Base of the settings. A reader ignores fields that a newer version wrote."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class ChannelLimits(_Settings):
    """Limits on the number of messages of one channel. None is no limit."""

    max_per_min: Limit | None = Field(default=None, description="maximum number of messages in a minute")
    max_per_hour: Limit | None = Field(default=None, description="maximum number of messages in an hour")
    max_per_day: Limit | None = Field(default=None, description="maximum number of messages in a day (UTC)")


class TenantLimits(_Settings):
    """Limits of each channel."""

    sms: ChannelLimits = ChannelLimits()
    email: ChannelLimits = ChannelLimits()


class MarketingPolicy(_Settings):
    """Rules for the marketing e-mails of a tenant."""

    require_opt_out: StrictBool | None = Field(
        default=None, description="whether a marketing e-mail without a link to unsubscribe is refused"
    )
    postal_address: PostalAddress | None = Field(
        default=None, description="postal address of the sender, without which a marketing e-mail is refused"
    )


class SendWindows(_Settings):
    """Hours of the day in which a recipient may get messages, by category. None is no limit."""

    transactional: SendWindowText | None = None
    marketing: SendWindowText | None = None

    def of(self, category: Category) -> str | None:
        """Return the window of a category."""
        return self.marketing if category is Category.MARKETING else self.transactional


MAX_CAP = 100
Cap = Annotated[int, Field(ge=1, le=MAX_CAP, strict=True)]


class RecipientCaps(_Settings):
    """Maximum number of messages to one recipient. None is no limit."""

    per_day: Cap | None = Field(default=None, description="maximum number of messages in any 24 hours")
    per_week: Cap | None = Field(default=None, description="maximum number of messages in any 7 days")


class TenantCaps(_Settings):
    """Caps of each category."""

    transactional: RecipientCaps = RecipientCaps()
    marketing: RecipientCaps = RecipientCaps()

    def of(self, category: Category) -> RecipientCaps:
        """Return the caps of a category."""
        return self.marketing if category is Category.MARKETING else self.transactional


class RequiredConsent(_Settings):
    """Categories for which a recipient must have given a recorded consent. None is no."""

    transactional: StrictBool | None = None
    marketing: StrictBool | None = None

    def of(self, category: Category) -> bool:
        """Return whether a category needs a consent."""
        return bool(self.marketing if category is Category.MARKETING else self.transactional)


class TenantSettings(_Settings):
    """All settings of one tenant."""

    limits: TenantLimits = TenantLimits()
    marketing: MarketingPolicy = MarketingPolicy()
    send_window: SendWindows = SendWindows()
    default_timezone: TimeZone | None = None
    """Time zone of recipients without one of their own. None is UTC."""
    caps: TenantCaps = TenantCaps()
    consent_required: RequiredConsent = RequiredConsent()


def setting_types(model: type[BaseModel] = TenantSettings, prefix: str = "") -> Iterator[tuple[str, type]]:
    """Yield the name of each setting, such as `limits.sms.max_per_min`, and its type: int, bool or str."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from setting_types(field.annotation, f"{prefix}{name}.")
        else:
            given, _ = get_args(field.annotation)  # the other one is None
            yield f"{prefix}{name}", getattr(given, "__origin__", given)


def setting_value(settings: TenantSettings, name: str) -> Any:
    """Return the value of a setting by its name, such as `limits.sms.max_per_min`."""
    value: Any = settings
    for step in name.split("."):
        value = getattr(value, step)
    return value
