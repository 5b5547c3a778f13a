"""All configured providers, by channel and priority."""

import asyncio
from collections.abc import Sequence

from providers.entries import ProviderEntry
from providers.kinds import KINDS
from providers.provider import Provider
from schemas.statuses import Channel


class Providers:
    """The providers, in order of priority within a channel."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._by_name = {provider.name: provider for provider in providers}
        if len(self._by_name) != len(providers):
            raise ValueError("two providers have one name")
        self._by_channel = {
            channel: tuple(provider for provider in providers if provider.channel is channel) for channel in Channel
        }

    def for_channel(self, channel: Channel) -> tuple[Provider, ...]:
        """The providers of a channel, the one to ask first in front."""
        return self._by_channel[channel]

    def get(self, name: str) -> Provider | None:
        """The provider of this name, or None: it may have been taken out of the settings since."""
        return self._by_name.get(name)

    def stop(self, within_seconds: float) -> None:
        """Begin no more sends with any of them; those under way get so many seconds more at most."""
        for provider in self._by_name.values():
            provider.stop(within_seconds)

    async def aclose(self) -> None:
        """Close all of them."""
        await asyncio.gather(*(provider.aclose() for provider in self._by_name.values()))


def build_providers(entries: Sequence[ProviderEntry]) -> Providers:
    """Make the providers that the settings name; nothing connects before the first send."""
    by_priority = sorted(entries, key=lambda entry: entry.priority)
    return Providers([KINDS[entry.kind].build(entry) for entry in by_priority])
