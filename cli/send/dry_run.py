"""`send --dry-run`: read the whole file, say what would become of it, publish nothing."""

from collections.abc import Sequence

import orjson
from rich.console import Console

from cli.clients.bulk_endpoint import require_room
from cli.console import plain_table, print_table
from cli.errors import CommandError
from cli.recipients_file.scan import FileScan
from cli.send.dry_run_outcomes import DryRunEstimate
from cli.send.send_request import FileSummary, SendRequest, scan_file
from cli.settings import RecipientSettings
from cli.template_check import missing_variable_lines
from core.request_parts import choose_lane, recipient_json
from schemas.requests import AnyRecipient
from schemas.statuses import Channel, Reason


class _Watch:
    """Judges each recipient and, for a call over HTTP, counts its bytes."""

    def __init__(self, trial: DryRunEstimate, *, one_call: bool) -> None:
        self._trial, self._one_call = trial, one_call
        self.recipients = self.bytes = 0

    def __call__(self, recipient: AnyRecipient, line: int) -> None:
        self._trial.add(recipient, line)
        self.recipients += 1
        if self._one_call:
            self.bytes += len(orjson.dumps(recipient_json(recipient))) + 1


def run(order: SendRequest, settings: RecipientSettings, console: Console, *, one_call: bool) -> None:
    """Print what would happen; raises CommandError when something is wrong or somebody would fail."""
    trial = DryRunEstimate(order.body.channel, order.text, settings.default_region)
    watch = _Watch(trial, one_call=one_call)
    found, reading = scan_file(order, watch)
    counts = trial.counts()
    _print_size(console, found, settings, one_call=one_call)
    if order.body.channel is Channel.SMS:
        console.print(_numbers(settings.default_region), soft_wrap=True)
    console.print()
    _print_counts(console, counts, found.recipients)
    _print_unreached(console, trial, sum(n for reason, n in counts.items() if reason))
    console.print("\nnothing was published")
    if one_call:
        require_room(watch.recipients, watch.bytes)
    if lines := _wrong(reading):
        raise CommandError("\n".join(lines))
    failed = sum(n for reason, n in counts.items() if reason not in {None, Reason.DUPLICATE})
    if failed:
        raise CommandError(f"{failed:,} of {found.recipients:,} recipients would fail")


def _wrong(reading: FileScan) -> Sequence[str]:
    """What `send` would refuse the file for."""
    lines = [f"FILE: {error}" for error in reading.wrong]
    if reading.wrong_total > len(lines):
        lines.append(f"FILE: and {reading.wrong_total - len(lines):,} more lines")
    if lines:
        lines.append("`send` refuses the file until each line can be used")
    return [*lines, *filter(None, [missing_variable_lines(reading.missing_variables, reading.seen)])]


def _print_size(console: Console, found: FileSummary, settings: RecipientSettings, *, one_call: bool) -> None:
    parts = f"{found.parts:,} part{'' if found.parts == 1 else 's'}"
    way = "one call" if one_call else f"{parts}, {choose_lane(found.first, settings.chunk_size).value} lane"
    console.print(f"{found.recipients:,} recipients in {way}, {found.bytes:,} bytes", soft_wrap=True)


def _numbers(region: str | None) -> str:
    """How numbers are read here; a consumer's own setting decides for it."""
    if region is None:
        return "numbers without + are taken as invalid: ROLLCALL_DEFAULT_REGION is not set"
    return f"numbers without + are read as {region}'s (ROLLCALL_DEFAULT_REGION)"


def _print_counts(console: Console, counts: dict[Reason | None, int], total: int) -> None:
    table = plain_table("would be", "recipients", "meaning", numbers=("recipients",))
    table.add_row("sent", f"{counts.get(None, 0):,}", "handed to a provider")
    for reason, number in counts.items():
        if reason and number:
            status, _, meaning = reason.meaning.partition(": ")
            table.add_row(f"{status}, {reason.value}", f"{number:,}", meaning)
    table.add_row("total", f"{total:,}", "")
    print_table(console, table)


def _print_unreached(console: Console, trial: DryRunEstimate, total: int) -> None:
    table = plain_table("line", "reason", "variable", numbers=("line",))
    for line, reason, name in trial.excluded():
        table.add_row(f"{line}", reason.value, name)
    if not table.row_count:
        return
    console.print()
    print_table(console, table)
    if total > table.row_count:
        console.print(f"and {total - table.row_count:,} more")
