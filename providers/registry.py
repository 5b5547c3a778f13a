"""Configured providers, by channel and priority."""

import asyncio
from collections.abc import Sequence

from providers.entries import ProviderEntry
from providers.kinds import KINDS
from providers.mail_entry import has_unsubscribe_uri
from providers.network import Network
from providers.prices import NO_PRICES, PriceList, price_list
from providers.provider import Provider
from schemas.statuses import Channel


class Providers:
    """Collection of the providers, in order of priority within a channel."""

    def __init__(
        self,
        providers: Sequence[Provider],
        prices: PriceList = NO_PRICES,
        with_unsubscribe_uri: frozenset[str] = frozenset(),
    ) -> None:
        self.prices = prices
        """Prices of all providers."""
        self.with_unsubscribe_uri = with_unsubscribe_uri
        """Names of the providers whose entry has a URI for List-Unsubscribe."""
        self._by_name = {provider.name: provider for provider in providers}
        if len(self._by_name) != len(providers):
            raise ValueError("two providers have the same name")
        self._by_channel = {
            channel: tuple(provider for provider in providers if provider.channel is channel) for channel in Channel
        }

    def for_channel(self, channel: Channel) -> tuple[Provider, ...]:
        """Return the providers of a channel, in the order in which they are called."""
        return self._by_channel[channel]

    def get(self, name: str) -> Provider | None:
        """Return the provider with this name. Return None if it is not in the settings any more."""
        return self._by_name.get(name)

    def stop(self, within_seconds: float) -> None:
        """Stop all providers. See `Provider.stop`."""
        for provider in self._by_name.values():
            provider.stop(within_seconds)

    async def aclose(self) -> None:
        """Close all providers."""
        await asyncio.gather(*(provider.aclose() for provider in self._by_name.values()))


def build_provider(entry: ProviderEntry, network: Network | None = None) -> Provider:
    """Build a provider. It connects at its first send, and only to addresses that the network allows."""
    return KINDS[entry.kind].build(entry, network)


def build_providers(entries: Sequence[ProviderEntry]) -> Providers:
    """Build the providers of the settings. A provider connects at its first send."""
    by_priority = sorted(entries, key=lambda entry: entry.priority)
    with_uri = frozenset(entry.name for entry in entries if has_unsubscribe_uri(entry))
    return Providers(list(map(build_provider, by_priority)), price_list(entries), with_uri)
