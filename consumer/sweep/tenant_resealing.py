"""Rotation of sealing keys: any consumer seals the providers and the keys of tenants with the newest key."""

from collections import Counter

from consumer.context import ConsumerContext
from consumer.logger import logger
from ledger.tenant_resealing import reseal_page

ROUND_SECONDS = 3_600.0
"""Time in seconds, on average, between two rounds over all tenants. The first round begins at the start."""
FAILURE_SECONDS = 60.0
"""Time in seconds until the same page is tried again after an error."""


class TenantResealing:
    """Looks at one page of tenants per call, so that other jobs wait for one page at most."""

    def __init__(self, context: ConsumerContext) -> None:
        self._context = context
        self._after, self._resealed = "", 0
        self._missing = Counter[str]()
        self._idle_until = float("-inf")

    async def run_batch(self) -> None:
        """Seal the next page. Do nothing in the time between two rounds."""
        context = self._context
        if context.monotonic() < self._idle_until:
            return
        self._idle_until = context.monotonic() + FAILURE_SECONDS  # if MongoDB refuses, the other jobs must go on
        page = await reseal_page(context.ledger.tenants, context.sealer, self._after)
        self._idle_until = float("-inf")
        self._resealed += page.resealed
        self._missing.update(page.missing_keys)
        if page.last is not None:
            self._after = page.last
            return
        if self._resealed:
            logger.info("data of tenants sealed again", tenants=self._resealed)
        for key_id, number in self._missing.items():
            logger.error("sealing key of tenants missing", key_id=key_id, tenants=number)
        self._after, self._resealed = "", 0
        self._missing.clear()
        self._idle_until = context.monotonic() + ROUND_SECONDS * (0.5 + context.random())
