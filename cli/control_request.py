"""Orders about a request, given to the ledger."""

from collections.abc import Awaitable, Callable
from functools import partial

from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console
from cli.errors import CommandError
from cli.report.report import known_request
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


def run(order: str, request_id: str, tenant: str) -> None:
    """Give one of ORDERS and print what became of it. Raises CommandError, also where it is too late."""
    loop.run(_run(load(LedgerAddress), order, request_id, tenant))


async def _run(address: LedgerAddress, order: str, request_id: str, tenant: str) -> None:
    async with open_ledger(address) as ledger:
        await apply_control(ledger, open_console(), order, request_id, tenant)


async def apply_control(ledger: Ledger, console: Console, order: str, request_id: str, tenant: str) -> None:
    """Give the order to this ledger."""
    request = await known_request(ledger, tenant, request_id)
    ordered = await CONTROL_COMMANDS[order](ledger, request.header.key)
    if ordered is None:
        state = state_of(await known_request(ledger, tenant, request_id), ledger.now())
        raise CommandError(f"too late: request {request_id} is {state.value}: {state.meaning}")
    console.print(f"request {request_id} is {state_of(ordered.request, ledger.now()).value}", soft_wrap=True)
    if ordered.in_flight_note:
        console.print(ordered.in_flight_note, soft_wrap=True)
