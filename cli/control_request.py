"""Cancel, pause and resume of a request in the ledger."""

from collections.abc import Awaitable, Callable
from functools import partial

from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console
from cli.errors import CommandError
from cli.report.report import require_request
from cli.settings import LedgerAddress, load
from core.ids import RequestKey
from ledger.ports import Ledger
from ledger.request_control import ControlResult, cancel_request, pause_request, resume_request, state_of

CONTROL_COMMANDS: dict[str, Callable[[Ledger, RequestKey], Awaitable[ControlResult | None]]] = {
    "cancel": cancel_request,
    "cancel_scheduled": partial(cancel_request, scheduled_only=True),
    "pause": pause_request,
    "resume": resume_request,
}


def run(command: str, request_id: str, tenant: str) -> None:
    """Apply one of CONTROL_COMMANDS and print the result. Raises CommandError, also if it is too late."""
    loop.run(_run(load(LedgerAddress), command, request_id, tenant))


async def _run(address: LedgerAddress, command: str, request_id: str, tenant: str) -> None:
    async with open_ledger(address) as ledger:
        await apply_control(ledger, open_console(), command, request_id, tenant)


async def apply_control(ledger: Ledger, console: Console, command: str, request_id: str, tenant: str) -> None:
    """Apply the command in this ledger and print the result. Raises CommandError."""
    request = await require_request(ledger, tenant, request_id)
    result = await CONTROL_COMMANDS[command](ledger, request.header.key)
    if result is None:
        state = state_of(await require_request(ledger, tenant, request_id), ledger.now())
        raise CommandError(f"too late: request {request_id} is {state.value} ({state.meaning}).")
    console.print(f"request {request_id} is {state_of(result.request, ledger.now()).value}", soft_wrap=True)
    if result.in_flight_note:
        console.print(result.in_flight_note, soft_wrap=True)
