"""Fields that the entries of all kinds of providers share. The entry of each kind is in the module of the kind."""

import ssl
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from providers.prices import Prices
from schemas.requests import ProviderName
from schemas.statuses import Channel

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
"""Hosts to which a secret may go unencrypted, because it does not leave the machine."""


def _loadable(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except OSError:
        raise ValueError("must be a readable PEM file") from None
    return path


CaFile = Annotated[Path, AfterValidator(_loadable)]


class ProviderEntry(BaseModel):
    """Fields that the entries of all kinds have."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: str
    name: ProviderName = Field(description="unique name, shown in logs, events and metrics")
    channel: Channel
    priority: int = Field(
        default=100, description="order within a channel. The provider with the lowest number is called first."
    )
    rate_per_second: float | None = Field(
        default=None,
        gt=0,
        description="maximum number of sends per second in each consumer process. Unset: no limit.",
    )
    max_per_second: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        description="maximum number of messages or segments per second in all consumer processes together. "
        "Unset: no limit.",
    )
    rate_unit: Literal["message", "segment"] = Field(
        default="message",
        description="what max_per_second counts: each message, or each segment of an SMS",
    )
    sender: str | None = Field(default=None, min_length=1, max_length=320, description="sender of the message")
    timeout_seconds: float = Field(default=10.0, gt=0, le=300, description="maximum time of one send, in seconds")
    prices: Prices | None = Field(
        default=None,
        description="prices of a segment of an SMS: `currency`, and `by_prefix` with an amount for each beginning of "
        "a number (docs/routing.md)",
    )

    @field_validator("prices")
    @classmethod
    def _for_sms(cls, value: Prices | None, info: ValidationInfo) -> Prices | None:
        if value is not None and info.data.get("channel") is not Channel.SMS:
            raise ValueError("must not be given, because it is only for channel sms")
        return value

    @model_validator(mode="after")
    def _segments_of_sms(self) -> Self:
        if self.rate_unit == "segment" and self.channel is not Channel.SMS:
            raise ValueError("rate_unit must be message, because only an SMS has segments")
        return self
