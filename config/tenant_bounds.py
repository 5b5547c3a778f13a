"""Bounds of the operator on what a tenant may send. They apply to tenants with and without settings of their own."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from config.settings import Settings
from schemas.tenant_settings import MAX_LIMIT, ChannelLimits, TenantLimits

Bound = Annotated[int, Field(ge=1, le=MAX_LIMIT)] | None


def _bound(messages: str, period: str) -> Bound:
    text = f"maximum number of {messages} of each tenant in {period}, in all consumers together. Unset: no limit."
    bound: Bound = Field(default=None, description=text)
    return bound


class TenantBoundSettings(Settings):
    """Bounds on the limits of all tenants. Set the same values everywhere."""

    tenant_sms_max_per_min: Bound = _bound("SMS", "a minute")
    tenant_sms_max_per_hour: Bound = _bound("SMS", "an hour")
    tenant_sms_max_per_day: Bound = _bound("SMS", "a day (UTC)")
    tenant_email_max_per_min: Bound = _bound("e-mails", "a minute")
    tenant_email_max_per_hour: Bound = _bound("e-mails", "an hour")
    tenant_email_max_per_day: Bound = _bound("e-mails", "a day (UTC)")

    tenant_max_providers: Annotated[int, Field(ge=0, le=100)] = Field(
        default=20, description="maximum number of providers that a tenant may have of its own"
    )
    tenant_max_connections: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=50, description="maximum number of connections of all own providers of a tenant, in each consumer"
    )
    tenant_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(),
        description="ranges of addresses that are not public and to which providers of tenants may connect, such as "
        "10.1.0.0/16, comma-separated. Unset: none.",
    )

    @field_validator("tenant_networks", mode="before")
    @classmethod
    def _ranges(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        ranges = []
        for number, part in enumerate(filter(None, map(str.strip, value.split(","))), 1):
            try:
                ranges.append(ip_network(part))
            except ValueError:
                raise ValueError(
                    f"range {number} must be an address or a range in CIDR notation, such as 10.1.0.0/16"
                ) from None
        return tuple(ranges)

    @property
    def tenant_bounds(self) -> TenantLimits:
        """Return the bounds of both channels."""
        return TenantLimits(
            sms=ChannelLimits(
                max_per_min=self.tenant_sms_max_per_min,
                max_per_hour=self.tenant_sms_max_per_hour,
                max_per_day=self.tenant_sms_max_per_day,
            ),
            email=ChannelLimits(
                max_per_min=self.tenant_email_max_per_min,
                max_per_hour=self.tenant_email_max_per_hour,
                max_per_day=self.tenant_email_max_per_day,
            ),
        )
