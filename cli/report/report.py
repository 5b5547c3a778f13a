"""Report of a request from the ledger: tables or JSON, and a CSV of the recipients that were not reached."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from cli import event_loop as loop
from cli.clients.ledger_client import open_ledger
from cli.console import open_console
from cli.errors import UnknownRequest, UsageError
from cli.recipients_file.layout import FileOptions
from cli.report.csv_writer import STDOUT, open_csv_writer
from cli.report.file_lines import FileLines, NewLines, open_lines
from cli.report.json_writer import write_json
from cli.report.ledger_summary import heading, not_reached_batches, part_sizes, summarise, waiting_batches
from cli.report.print_summary import print_counts, print_end, print_more, print_not_reached, print_waiting
from cli.report.summary import NotReached, Summary
from cli.settings import LedgerAddress
from core.ids import request_key
from ledger.models import StoredRequest
from ledger.ports import Ledger

DEFAULT_SHOWN = 50
"""Maximum number of recipients that a report shows without `--all`."""

COLUMNS = ("reference", "recipient", "status", "reason", "error", "log_id")


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Form of the report."""

    show_all: bool = False
    """True to show all recipients that were not reached. A CSV always has all of them."""
    as_json: bool = False
    csv: Path | None = None
    """File for the recipients that were not reached. For `-` the CSV is the only output."""
    file: Path | None = None
    """File that was sent, to name the lines of recipients without a reference."""
    form: FileOptions = field(default_factory=FileOptions)
    """Form of this file."""

    def check(self) -> None:
        """Raise UsageError if both JSON and CSV would go to standard output."""
        if self.as_json and self.csv == STDOUT:
            raise UsageError("--csv: must be a file together with --json, which uses standard output.")


def run(settings: LedgerAddress, tenant: str, request_id: str, options: ReportOptions) -> Summary:
    """Print the report of a request. Raises UnknownRequest."""
    return loop.run(_run(settings, tenant, request_id, options))


async def _run(settings: LedgerAddress, tenant: str, request_id: str, options: ReportOptions) -> Summary:
    async with open_ledger(settings) as ledger:
        return await print_report(ledger, open_console(), tenant, request_id, options)


async def print_report(
    ledger: Ledger, console: Console, tenant: str, request_id: str, options: ReportOptions
) -> Summary:
    """Print the report of a request in this ledger. Raises UnknownRequest."""
    request = await require_request(ledger, tenant, request_id)
    with open_lines(options.file, options.form, part_sizes(request)) as new_lines:
        return await _print_all(ledger, console, request, options, new_lines)


async def _print_all(
    ledger: Ledger, console: Console, request: StoredRequest, options: ReportOptions, new_lines: NewLines
) -> Summary:
    summary = await summarise(ledger, request)
    if options.csv is not None:
        rows = await _write_csv(ledger, request, options.csv, console, new_lines())
        if options.csv == STDOUT:
            return summary
    limit = None if options.show_all else DEFAULT_SHOWN
    if options.as_json:
        missed = not_reached_batches(ledger, request, limit=limit, lines=new_lines())
        await write_json(console.file, request, summary, missed, waiting_batches(ledger, request, limit=limit))
        return summary
    for line in heading(request, summary):
        console.print(line, soft_wrap=True)
    print_counts(console, summary.counts, summary.total)
    await _print_waiting(ledger, console, request, summary, limit)
    if options.csv is None:
        # Otherwise the CSV lists all of them.
        await _print_not_reached(console, summary, not_reached_batches(ledger, request, limit=limit, lines=new_lines()))
    else:
        console.print(f"{rows:,} not reached written to {options.csv}", soft_wrap=True)
    print_end(console, summary)
    return summary


async def require_request(ledger: Ledger, tenant: str, request_id: str) -> StoredRequest:
    """Return the request. Raises UnknownRequest."""
    request = await ledger.requests.get(request_key(tenant, request_id))
    if request is None:
        raise UnknownRequest(tenant, request_id)
    return request


async def _print_not_reached(console: Console, summary: Summary, batches: AsyncIterator[list[NotReached]]) -> None:
    count = 0
    async for batch in batches:
        print_not_reached(console, batch)
        count += len(batch)
    print_more(console, shown=count, total=summary.not_reached_total, hint="add --all, or --csv FILE")


async def _print_waiting(
    ledger: Ledger, console: Console, request: StoredRequest, summary: Summary, limit: int | None
) -> None:
    count = 0
    async for batch in waiting_batches(ledger, request, limit=limit):
        print_waiting(console, batch)
        count += len(batch)
    print_more(console, shown=count, total=summary.waiting_total, hint="add --all", kind="waiting")


async def _write_csv(
    ledger: Ledger, request: StoredRequest, path: Path, console: Console, lines: FileLines | None
) -> int:
    """Write all recipients that were not reached. Return their number."""
    with open_csv_writer(path, COLUMNS if lines is None else (*COLUMNS, "line"), console.file) as writer:
        async for batch in not_reached_batches(ledger, request, limit=None, lines=lines):
            for recipient in batch:
                writer.add(
                    (
                        recipient.reference,
                        recipient.recipient,
                        recipient.status,
                        recipient.reason,
                        recipient.error,
                        recipient.log_id,
                        *([] if lines is None else [f"{recipient.line or ''}"]),
                    )
                )
    return writer.rows
