"""Check of each configured provider, as far as that is possible without sending."""

import asyncio

from cli import event_loop as loop
from cli.console import open_console, plain_table, print_table
from cli.plain_output import printable
from providers.registry import build_providers
from providers.settings import ProviderSettings
from schemas.statuses import Channel


def run(settings: ProviderSettings) -> int:
    """Print a table of all providers. Return how many of them cannot be used."""
    return loop.run(_run(settings))


async def _run(settings: ProviderSettings) -> int:
    registry = build_providers(settings.entries)
    try:
        providers = [provider for channel in Channel for provider in registry.for_channel(channel)]
        problems = await asyncio.gather(*(provider.check() for provider in providers))
    finally:
        await registry.aclose()
    table = plain_table("channel", "provider", "state")
    for provider, problem in zip(providers, problems, strict=True):
        table.add_row(provider.channel.value, printable(provider.name), printable(problem or "ok"))
    print_table(open_console(), table)
    return sum(problem is not None for problem in problems)
