"""Provider of a tenant as the consumer knows it."""

from collections.abc import Sequence

from core.send_result import SendResult
from providers.draft import Draft
from providers.provider import Provider


class TenantProvider:
    """Provider of a tenant under its reference. Vendors look up the mapping of a template by its bare name."""

    rate_per_second = None  # The limit of the entry counts in all processes, so that the tenant need not know them.

    def __init__(self, reference: str, inner: Provider, *, has_unsubscribe_uri: bool = False) -> None:
        self.name, self._inner = reference, inner
        self.has_unsubscribe_uri = has_unsubscribe_uri
        self.channel, self.deduplicates, self.batch_size = inner.channel, inner.deduplicates, inner.batch_size
        self.needs_vendor_template, self.timeout_seconds = inner.needs_vendor_template, inner.timeout_seconds
        self.calls = 0
        """Number of sends in flight."""

    async def send(self, drafts: Sequence[Draft]) -> list[SendResult]:
        """Send messages. See `Provider.send`."""
        self.calls += 1
        try:
            return await self._inner.send(drafts)
        finally:
            self.calls -= 1

    def stop(self, within_seconds: float) -> None:
        """Begin no more sends. See `Provider.stop`."""
        self._inner.stop(within_seconds)

    async def check(self) -> str | None:
        """Check the provider. See `Provider.check`."""
        return await self._inner.check()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
