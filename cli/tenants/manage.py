"""Commands for the settings of a tenant: show and set."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console, plain_table, print_table, write_json
from cli.errors import CommandError, UsageError
from cli.plain_output import printable
from cli.settings import TenantCommandSettings, load
from config.settings import PREFIX
from core.tenant_limits import limits_in_effect
from ledger.ports import Ledger
from ledger.tenant_port import StoredTenant
from schemas.requests import TenantId
from schemas.statuses import Channel
from schemas.tenant_settings import (
    MAX_CAP,
    MAX_LIMIT,
    ChannelLimits,
    TenantLimits,
    TenantSettings,
    setting_types,
    setting_value,
)
from schemas.validation_errors import path_of, read_problems

T = TypeVar("T")

NO_VALUE = "none"
"""Value that removes a setting."""
_NUMBERS = {"limits.": MAX_LIMIT, "caps.": MAX_CAP}
"""Largest value of the settings that are numbers, by the begin of their names."""

Value = int | bool | str
Change = tuple[str, Value | None]
"""Name of a setting, and its new value."""

_BOOLS = {"true": True, "false": False}
_ALLOWED: dict[type, str] = {
    int: f"a whole number from 1 to {{most:,}}, or {NO_VALUE} for no limit",
    bool: f"true or false, or {NO_VALUE} for the default",
    str: f"a text, or {NO_VALUE}",
}


def run_show(tenant: str, *, as_json: bool) -> None:
    """Print the settings of a tenant. Raises UsageError."""
    _check_id(tenant)
    settings = load(TenantCommandSettings)
    _with_ledger(settings, lambda ledger: show(ledger, open_console(), tenant, settings.tenant_bounds, as_json=as_json))


def run_set(tenant: str, assignments: Sequence[str], *, as_json: bool) -> None:
    """Change settings of a tenant, and print them. Raises UsageError."""
    _check_id(tenant)
    settings, changes = load(TenantCommandSettings), [parse_change(each) for each in assignments]

    async def change(ledger: Ledger) -> None:
        await store(ledger, tenant, changes, settings.tenant_bounds)
        await show(ledger, open_console(), tenant, settings.tenant_bounds, as_json=as_json)

    _with_ledger(settings, change)


def _check_id(tenant: str) -> None:
    try:
        TypeAdapter(TenantId).validate_python(tenant)
    except ValidationError:
        raise UsageError(
            "TENANT: must have 1 to 64 letters, digits and characters of ._:@~-, and begin with a letter or digit."
        ) from None


def _with_ledger(settings: TenantCommandSettings, work: Callable[[Ledger], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_ledger(settings) as ledger:
            return await work(ledger)

    return loop.run(run())


def parse_change(assignment: str) -> Change:
    """Return the setting and the value of `name=value`. Raises UsageError."""
    name, separator, value = assignment.partition("=")
    types = dict(setting_types())
    if name not in types:
        raise UsageError(f"{printable(name)}: is not a setting. The settings are {', '.join(types)}.")
    if value == NO_VALUE:
        return name, None
    if types[name] is str and separator:
        return name, value
    if types[name] is bool and value in _BOOLS:
        return name, _BOOLS[value]
    if types[name] is int and value.isascii() and value.isdigit():
        return name, int(value)
    most = next((most for begin, most in _NUMBERS.items() if name.startswith(begin)), 0)
    raise UsageError(f"{name}: must be {_ALLOWED[types[name]].format(most=most)}.")


async def store(ledger: Ledger, tenant: str, changes: Sequence[Change], bounds: TenantLimits) -> None:
    """Store changed settings. Raises UsageError for a wrong value, or for one above the bound of the operator."""
    for name, value in changes:
        bound = setting_value(TenantSettings(limits=bounds), name)
        if isinstance(value, int) and isinstance(bound, int) and value > bound:
            raise UsageError(f"{name}: must be at most {bound:,}, the bound of the operator ({_variable(name)}).")
    stored = await ledger.tenants.get(tenant)
    if not await ledger.tenants.put(tenant, changed(stored.settings, changes), stored.version):
        raise CommandError(f"The settings of tenant {printable(tenant)} were changed meanwhile. Repeat the command.")


def changed(settings: TenantSettings, changes: Sequence[Change]) -> TenantSettings:
    """Return the settings with these changes. Raises UsageError for a wrong value."""
    document = settings.model_dump()
    for name, value in changes:
        *outer, last = name.split(".")
        inner: Any = document
        for step in outer:
            inner = inner[step]
        inner[last] = value
    try:
        return TenantSettings.model_validate(document)
    except ValidationError as error:
        lines = [f"{path_of(problem.location)}: {problem.phrase}" for problem in read_problems(error)]
        raise UsageError("\n".join(lines)) from None


async def show(ledger: Ledger, console: Console, tenant: str, bounds: TenantLimits, *, as_json: bool) -> None:
    """Print the settings of a tenant, the bounds of the operator, and what is in effect."""
    stored = await ledger.tenants.get(tenant)
    in_effect = _in_effect(stored, bounds)
    if as_json:
        document = {"tenant_id": tenant, "version": stored.version, **stored.settings.model_dump()}
        write_json(console, {**document, "in_effect": in_effect.model_dump()}, orjson.OPT_INDENT_2)
        return
    table = plain_table("setting", "tenant", "operator", "in effect", numbers=("tenant", "operator", "in effect"))
    columns = (stored.settings, TenantSettings(limits=bounds), in_effect)
    for name, _ in setting_types():
        table.add_row(name, *(_shown(setting_value(settings, name)) for settings in columns))
    print_table(console, table)


def _in_effect(stored: StoredTenant, bounds: TenantLimits) -> TenantSettings:
    """Return the settings with the lower one of limit and bound."""
    by_channel = {
        channel.value: ChannelLimits(max_per_min=limits.minute, max_per_hour=limits.hour, max_per_day=limits.day)
        for channel in Channel
        for limits in [limits_in_effect(stored.settings.limits, bounds, channel)]
    }
    return stored.settings.model_copy(update={"limits": TenantLimits(**by_channel)})


def _variable(name: str) -> str:
    """Return the variable of the operator's bound for a setting."""
    return f"{PREFIX}TENANT_{'_'.join(name.split('.')[1:]).upper()}"


def _shown(value: Value | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    return NO_VALUE if value is None else printable(value)
