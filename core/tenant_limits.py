"""Limits of a tenant that are in effect: its own, and never more than the bound of the operator."""

from core.period_limits import PeriodLimits
from schemas.statuses import Channel
from schemas.tenant_settings import ChannelLimits, TenantLimits


def limits_in_effect(own: TenantLimits, bounds: TenantLimits, channel: Channel) -> PeriodLimits:
    """Return the lower one of limit and bound for each period of a channel."""
    pairs = zip(_of_channel(own, channel), _of_channel(bounds, channel), strict=True)
    lower = (min((limit for limit in pair if limit is not None), default=None) for pair in pairs)
    return PeriodLimits(*lower)


def _of_channel(limits: TenantLimits, channel: Channel) -> PeriodLimits:
    of_channel: ChannelLimits = limits.sms if channel is Channel.SMS else limits.email
    return PeriodLimits(of_channel.max_per_min, of_channel.max_per_hour, of_channel.max_per_day)
