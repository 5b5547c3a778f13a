"""Settings of a tenant as each window needs them."""

from consumer.context import ConsumerContext
from consumer.flow_control.tenant_cache import MAX_AGE_SECONDS, KnownTenant


async def current_tenant(tenant_id: str, context: ConsumerContext) -> KnownTenant:
    """Return a tenant as it was at most `MAX_AGE_SECONDS` ago. Wait until it can be read."""
    while True:
        await context.load_tenant(tenant_id)
        known = context.tenants.known(tenant_id)
        if known is not None and context.monotonic() - known.read_at <= MAX_AGE_SECONDS:
            return known
