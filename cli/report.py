"""What became of a request, from the ledger."""

import asyncio

from rich.console import Console

from cli.books import heading, missed_batches, summarise
from cli.console import open_console
from cli.errors import UnknownRequest
from cli.ledger import open_ledger
from cli.render import print_counts, print_end, print_missed, print_more
from cli.settings import LedgerAddress
from cli.summary import Summary
from core.ids import request_key
from ledger.ports import Ledger

FIRST = 50
"""How many of those who were not reached are shown unless all are asked for."""


def run(settings: LedgerAddress, tenant: str, request_id: str, *, show_all: bool) -> Summary:
    """Print the report of a request; raises UnknownRequest."""
    return asyncio.run(_run(settings, tenant, request_id, show_all=show_all))


async def _run(settings: LedgerAddress, tenant: str, request_id: str, *, show_all: bool) -> Summary:
    async with open_ledger(settings) as ledger:
        return await show(ledger, open_console(), tenant, request_id, show_all=show_all)


async def show(ledger: Ledger, console: Console, tenant: str, request_id: str, *, show_all: bool) -> Summary:
    """Print the report from this ledger."""
    request = await ledger.requests.get(request_key(tenant, request_id))
    if request is None:
        raise UnknownRequest(
            f"tenant {tenant} has no request {request_id}: one is known once a consumer has taken it up, "
            "and one that was refused never is: its event request.rejected says why",
        )
    summary = await summarise(ledger, request)
    for line in heading(request):
        console.print(line, soft_wrap=True)
    print_counts(console, summary.counts, summary.total)
    shown = 0
    async for batch in missed_batches(ledger, request, most=None if show_all else FIRST):
        print_missed(console, batch)
        shown += len(batch)
    print_more(console, shown=shown, total=summary.missed_total, hint="repeat with --all")
    print_end(console, summary)
    return summary
