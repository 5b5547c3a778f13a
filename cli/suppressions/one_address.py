"""`rollcall suppressions add` and `remove`: the entries of one address."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cli.console import open_console
from cli.errors import CommandError, UsageError
from cli.settings import SuppressionSettings
from cli.suppressions.with_ledger import with_ledger
from core.addresses import AddressRules
from ledger.ports import Ledger
from ledger.sealing import Sealer
from ledger.suppressing import (
    InvalidSuppressionError,
    add_suppressions,
    find_suppression_key,
    known_suppression_key,
    normalised_recipient,
    suppressed_address,
)
from ledger.suppression_port import MAX_ENTRIES, Addition
from schemas.statuses import Channel
from schemas.suppressions import SuppressionAddition, SuppressionRemoval
from schemas.validation_errors import read_problems

DEFAULT_SOURCE = "cli"
"""Source of an entry that this command adds."""

Body = TypeVar("Body", bound=BaseModel)
Sleep = Callable[[float], Awaitable[object]]


def run_add(tenant: str, recipient: str, fields: Mapping[str, Any]) -> None:
    """Add an entry to an address. Raises CommandError."""
    body = parse(SuppressionAddition, recipient, fields)

    async def work(ledger: Ledger, settings: SuppressionSettings) -> str:
        return await add(ledger, settings.sealer, tenant, body, settings.default_region)

    open_console().print(with_ledger(tenant, work))


def run_remove(tenant: str, recipient: str, fields: Mapping[str, Any]) -> None:
    """Remove entries of an address. Raises CommandError."""
    body = parse(SuppressionRemoval, recipient, fields)

    async def work(ledger: Ledger, settings: SuppressionSettings) -> str:
        return await remove(ledger, settings.sealer, tenant, body, settings.default_region)

    open_console().print(with_ledger(tenant, work))


def parse(model: type[Body], recipient: str, fields: Mapping[str, Any]) -> Body:
    """Return the address and the options as a body. `-` reads the address from standard input. Raises UsageError."""
    raw = sys.stdin.readline().strip() if recipient == "-" else recipient.strip()
    try:
        return model.model_validate({"recipient": raw, **fields}, strict=False)
    except ValidationError as error:
        lines = [f"{_option(problem.location)}{problem.phrase}" for problem in read_problems(error)]
        raise UsageError("\n".join(dict.fromkeys(lines))) from None


async def add(  # noqa: PLR0913  # an entry, and where it goes
    ledger: Ledger,
    sealer: Sealer,
    tenant: str,
    body: SuppressionAddition,
    default_region: str | None,
    *,
    sleep: Sleep = asyncio.sleep,
) -> str:
    """Add an entry. Return a line about it, with the masked address. Raises CommandError."""
    try:
        new = suppressed_address(body, default_region, DEFAULT_SOURCE, ledger.now())
    except InvalidSuppressionError as error:
        raise _refused(error) from None
    key = await known_suppression_key(ledger, tenant, sealer, sleep)
    (addition,) = await add_suppressions(ledger, key, [new])
    if addition is Addition.FULL:
        raise CommandError(f"RECIPIENT: has {MAX_ENTRIES} entries. Remove some, or add one with --scope all.")
    state = "in effect for all windows that open from now on" if addition is Addition.ADDED else "there before"
    return f"{_masked(body.channel, new.address)}: {body.reason} for {body.scope}, {state}"


async def remove(
    ledger: Ledger, sealer: Sealer, tenant: str, body: SuppressionRemoval, default_region: str | None
) -> str:
    """Remove entries. Return a line with their number, and the masked address. Raises CommandError."""
    try:
        address = normalised_recipient(body, default_region)
    except InvalidSuppressionError as error:
        raise _refused(error) from None
    key = await find_suppression_key(ledger, tenant, sealer)
    name = key and key.id_of(body.channel, address)
    removed = await ledger.suppressions.remove(name, body.scope, body.reason) if name else 0
    return f"{_masked(body.channel, address)}: {'1 entry' if removed == 1 else f'{removed} entries'} removed"


def _masked(channel: Channel, address: str) -> str:
    return AddressRules(channel, None).mask(address, address)


def _refused(error: InvalidSuppressionError) -> UsageError:
    field, _, problem = str(error).partition(": ")
    return UsageError(f"{_option((field,))}{problem}.")


def _option(location: tuple[int | str, ...]) -> str:
    """Return the argument or the option of a field, as a prefix."""
    if not location:
        return "--"  # a check of the whole body, whose message begins with the field
    return "RECIPIENT: " if location[0] == "recipient" else f"--{location[0]}: "
