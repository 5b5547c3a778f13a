"""Bounds of the operator on what a tenant may send. They apply to tenants with and without settings of their own."""

from typing import Annotated

from pydantic import Field

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
