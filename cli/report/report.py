"""What became of a request, from the ledger: as a table, as JSON, and who was not reached as CSV."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console
from cli.errors import UnknownRequest, UsageError
from cli.report.csv_writer import STDOUT, open_csv_writer
from cli.report.json_writer import write_json
from cli.report.ledger_summary import heading, missed_batches, summarise
from cli.report.print_summary import print_counts, print_end, print_missed, print_more
from cli.report.summary import Summary
from cli.settings import LedgerAddress
from core.ids import request_key
from ledger.models import StoredRequest
from ledger.ports import Ledger

FIRST = 50
"""How many of those who were not reached are shown unless all are asked for."""

COLUMNS = ("reference", "recipient", "status", "reason", "error", "log_id")


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How the report is given."""

    show_all: bool = False
    """All who were not reached, not only the first; a CSV has all of them anyway."""
    as_json: bool = False
    csv: Path | None = None
    """Where those who were not reached are written; `-`: standard output, and then nothing else is."""

    def check(self) -> None:
        """Raise UsageError where two would write to one place."""
        if self.as_json and self.csv == STDOUT:
            raise UsageError("--csv: standard output is taken by --json; name a file")


def run(settings: LedgerAddress, tenant: str, request_id: str, form: ReportOptions) -> Summary:
    """Give the report of a request; raises UnknownRequest."""
    return loop.run(_run(settings, tenant, request_id, form))


async def _run(settings: LedgerAddress, tenant: str, request_id: str, form: ReportOptions) -> Summary:
    async with open_ledger(settings) as ledger:
        return await show(ledger, open_console(), tenant, request_id, form)


async def show(ledger: Ledger, console: Console, tenant: str, request_id: str, form: ReportOptions) -> Summary:
    """Give the report from this ledger."""
    request = await known_request(ledger, tenant, request_id)
    summary = await summarise(ledger, request)
    if form.csv is not None:
        rows = await _write_csv(ledger, request, form.csv, console)
        if form.csv == STDOUT:
            return summary
    if form.as_json:
        most = None if form.show_all else FIRST
        await write_json(console.file, request, summary, missed_batches(ledger, request, most=most))
        return summary
    await _print(ledger, console, request, summary, form)
    if form.csv is not None:
        console.print(f"{rows:,} not reached written to {form.csv}", soft_wrap=True)
    print_end(console, summary)
    return summary


async def known_request(ledger: Ledger, tenant: str, request_id: str) -> StoredRequest:
    """The request; raises UnknownRequest."""
    request = await ledger.requests.get(request_key(tenant, request_id))
    if request is None:
        raise UnknownRequest(tenant, request_id)
    return request


async def _print(
    ledger: Ledger, console: Console, request: StoredRequest, summary: Summary, form: ReportOptions
) -> None:
    for line in heading(request):
        console.print(line, soft_wrap=True)
    print_counts(console, summary.counts, summary.total)
    if form.csv is not None:
        return  # they are all in there
    shown = 0
    async for batch in missed_batches(ledger, request, most=None if form.show_all else FIRST):
        print_missed(console, batch)
        shown += len(batch)
    print_more(console, shown=shown, total=summary.missed_total, hint="repeat with --all, or --csv FILE")


async def _write_csv(ledger: Ledger, request: StoredRequest, path: Path, console: Console) -> int:
    """Write all who were not reached; how many there are."""
    with open_csv_writer(path, COLUMNS, console.file) as sheet:
        async for batch in missed_batches(ledger, request, most=None):
            for one in batch:
                sheet.add((one.reference, one.recipient, one.status, one.reason, one.error, one.log_id))
    return sheet.rows
