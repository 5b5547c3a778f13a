"""Settings of a tenant. All fields are optional, and a tenant without a document has the defaults."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_LIMIT = 1_000_000_000
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, strict=True)]


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


class TenantSettings(_Settings):
    """All settings of one tenant."""

    limits: TenantLimits = TenantLimits()


def setting_names(model: type[BaseModel] = TenantSettings, prefix: str = "") -> Iterator[str]:
    """Yield the name of each setting, such as `limits.sms.max_per_min`."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from setting_names(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
