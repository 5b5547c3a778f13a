"""Upkeep of the providers of tenants: those that a tenant has taken back get no more messages."""

import asyncio
import contextlib

from consumer.context import ConsumerContext
from consumer.logger import error_location, logger
from ledger.errors import LedgerUnavailable

CHECK_SECONDS = 2.0
"""Time between two checks, in seconds."""


async def keep_tenant_providers(context: ConsumerContext) -> None:
    """Check the providers of tenants regularly, until cancelled."""
    while True:
        try:
            await check_tenant_providers(context)
        except Exception as error:  # noqa: BLE001  # without the checks, deleted providers would go on
            logger.error("check of own providers failed", error=type(error).__name__, location=error_location(error))
        await context.sleep(CHECK_SECONDS)


async def check_tenant_providers(context: ConsumerContext) -> None:
    """Retire what is not the tenants' any more, close what was retired, and forget what was closed.

    The settings of tenants at work are read, because a window may wait for long. Others are read by their next chunk.
    """
    own = context.tenant_providers
    await asyncio.gather(*(_load(tenant_id, context) for tenant_id in own.tenants_at_work()))
    own.retire_unused(context.tenants)
    await own.close_retired()
    references = own.references()
    context.provider_caller.keep_own(references)
    context.shared_limits.keep_own(references)


async def _load(tenant_id: str, context: ConsumerContext) -> None:
    with contextlib.suppress(LedgerUnavailable):  # The next check reads again.
        await context.tenants.load(tenant_id)
