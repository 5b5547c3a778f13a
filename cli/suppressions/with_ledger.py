"""Ledger and settings of the commands for suppressions."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.errors import UsageError, sealing_error
from cli.settings import SuppressionSettings, load
from ledger.errors import SealingError
from ledger.ports import Ledger
from schemas.requests import TenantId

T = TypeVar("T")


def with_ledger(tenant: str, work: Callable[[Ledger, SuppressionSettings], Awaitable[T]]) -> T:
    """Run the work of a command for a tenant. Raises CommandError."""
    try:
        TypeAdapter(TenantId).validate_python(tenant)
    except ValidationError:
        raise UsageError(
            "--tenant: must have 1 to 64 letters, digits and characters of ._:@~-, and begin with a letter or digit."
        ) from None
    settings = load(SuppressionSettings)

    async def run() -> T:
        async with open_ledger(settings) as ledger:
            try:
                return await work(ledger, settings)
            except SealingError as error:
                raise sealing_error(error) from None

    return loop.run(run())
