"""Providers that a tenant manages itself: what is stored, without secrets, and whether each can be used."""

import asyncio
import json
from collections.abc import Sequence
from typing import NamedTuple

import orjson
from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, plain_table, print_table, write_json
from cli.plain_output import printable
from cli.settings import OwnProviderSettings, load
from ledger.errors import SealingError
from ledger.ports import Ledger
from ledger.provider_configs import open_config
from ledger.sealing import Sealer
from ledger.tenant_port import StoredProvider, in_call_order
from providers.entries import ProviderEntry
from providers.network import AddressNotAllowedError, Network
from providers.registry import build_provider
from providers.tenant_configs import read_config
from providers.tenant_entries import host_of, parse_tenant_entry, redacted


class OwnProvider(NamedTuple):
    """Stored provider, and what could be read of its configuration."""

    stored: StoredProvider
    kind: str
    config: str
    """Configuration without secrets. Empty if it cannot be opened."""
    entry: ProviderEntry | None
    problem: str | None


def run_list(tenant: str, *, as_json: bool) -> None:
    """Print the providers that a tenant manages itself."""
    settings = load(OwnProviderSettings)

    async def run() -> None:
        async with open_ledger(settings) as ledger:
            await list_providers(ledger, settings.sealer, open_console(), tenant, as_json=as_json)

    loop.run(run())


def run_check(tenant: str) -> int:
    """Check each provider that a tenant manages itself, as a consumer would. Return how many cannot be used."""
    settings = load(OwnProviderSettings)

    async def run() -> int:
        async with open_ledger(settings) as ledger:
            own = await read_own(ledger, settings.sealer, tenant)
        return await check_providers(own, Network(settings.tenant_networks), open_console())

    return loop.run(run())


async def list_providers(ledger: Ledger, sealer: Sealer, console: Console, tenant: str, *, as_json: bool) -> None:
    """Print a row for each stored provider, with the problem that a consumer reports."""
    own = await read_own(ledger, sealer, tenant)
    reported = {state.name: state.problem for state in await ledger.provider_states.list()}
    problems = [each.problem or reported.get(each.stored.reference) for each in own]
    if as_json:
        rows = [_document(each, problem) for each, problem in zip(own, problems, strict=True)]
        write_json(console, {"tenant_id": tenant, "providers": rows}, orjson.OPT_INDENT_2)
        return
    if not own:
        console.print(f"tenant {printable(tenant)} has no providers of its own")
        return
    table = plain_table("id", "name", "kind", "channel", "priority", "active", "problem", numbers=("priority",))
    for each, problem in zip(own, problems, strict=True):
        stored, active = each.stored, "yes" if each.stored.is_active else "no"
        columns = (each.kind, stored.channel.value, str(stored.priority), active)
        table.add_row(stored.id, printable(stored.name), *columns, printable(problem or ""))
    print_table(console, table)


async def check_providers(own: Sequence[OwnProvider], network: Network, console: Console) -> int:
    """Print the state of each provider. Return how many of them cannot be used."""
    problems = await asyncio.gather(*(_check(each, network) for each in own))
    table = plain_table("channel", "provider", "state")
    for each, problem in zip(own, problems, strict=True):
        table.add_row(each.stored.channel.value, printable(each.stored.name), printable(problem or "ok"))
    print_table(console, table)
    return sum(problem is not None for problem in problems)


async def read_own(ledger: Ledger, sealer: Sealer, tenant: str) -> list[OwnProvider]:
    """Return the providers of a tenant by channel, in the order in which they are called."""
    stored = (await ledger.tenants.get(tenant)).providers
    return [_opened(each, tenant, sealer) for each in in_call_order(stored)]


def _opened(stored: StoredProvider, tenant: str, sealer: Sealer) -> OwnProvider:
    try:
        config = open_config(stored, tenant, sealer)
    except SealingError as error:
        return OwnProvider(stored, "?", "", None, str(error))
    entry = problem = None
    try:
        entry = parse_tenant_entry(stored.name, stored.channel, stored.priority, config)
    except ValueError as error:
        problem = ". ".join(str(error).splitlines())
    return OwnProvider(stored, _kind(stored.name, config, entry), redacted(stored.name, config), entry, problem)


def _kind(name: str, config: str, entry: ProviderEntry | None) -> str:
    """Return the kind, also of a configuration that this version cannot use."""
    if entry is not None:
        return entry.kind
    try:
        kind = read_config(config).get("kind", name)
    except ValueError:
        return "?"
    return kind if kind == name else "?"  # any other text may be a secret in the wrong place


async def _check(own: OwnProvider, network: Network) -> str | None:
    if own.entry is None:
        return own.problem
    provider = build_provider(own.entry, network)
    try:
        problem = await provider.check()
    finally:
        await provider.aclose()
    return f"{problem}{await _why_no_connection(own.entry, network)}" if problem else None


async def _why_no_connection(entry: ProviderEntry, network: Network) -> str:
    """Return what the operator may know about a host and its tenant may not."""
    try:
        await network.resolve(host_of(entry)[1])
    except AddressNotAllowedError:
        return ", because the host has no address that is public or in ROLLCALL_TENANT_NETWORKS"
    except OSError:
        return ", because the host has no address"
    return ""


def _document(own: OwnProvider, problem: str | None) -> dict[str, object]:
    stored = own.stored
    return {
        "id": stored.id,
        "name": stored.name,
        "reference": stored.reference,
        "kind": own.kind,
        "channel": stored.channel.value,
        "priority": stored.priority,
        "is_active": stored.is_active,
        "config": json.loads(own.config) if own.config else None,
        "problem": problem,
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
    }
