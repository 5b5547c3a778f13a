"""The roll call as text: counts by status and reason, recipients that were not reached, notes, and the last line."""

from collections.abc import Sequence

from rich.console import Console

from cli.console import plain_table, print_table
from cli.plain_output import format_cost, format_time, printable
from cli.report.summary import Counts, NotReached, Summary, by_status
from ledger.models import Log
from schemas.statuses import Reason, Status

_REASONS = {reason.value: reason.meaning.partition(": ")[2] or reason.meaning for reason in Reason}
_STATUSES = {status.value: status.meaning for status in Status}


def print_roll_call(console: Console, summary: Summary, *, hint: str) -> None:
    """Print the whole roll call. `hint` is the command that lists all recipients that were not reached."""
    print_counts(console, summary.counts, summary.total)
    print_not_reached(console, summary.not_reached)
    print_more(console, shown=len(summary.not_reached), total=summary.not_reached_total, hint=f"{hint} --all")
    print_end(console, summary)


def print_counts(console: Console, counts: Counts, total: int) -> None:
    """Print the counts by status, the reasons below each status, and the total."""
    table = plain_table("status", "recipients", "meaning", numbers=("recipients",))
    for status, number in by_status(counts).items():
        table.add_row(printable(status), f"{number:,}", _STATUSES.get(status, ""))
        reasons = {reason: n for (its_status, reason), n in counts.items() if its_status == status and reason and n}
        for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(f"  {printable(reason)}", f"{count:,}", f"  {_REASONS.get(reason, '')}")
    if (rest := total - sum(counts.values())) > 0:
        table.add_row("-", f"{rest:,}", "no result yet")
    table.add_row("total", f"{total:,}", "")
    print_table(console, table)


def print_not_reached(console: Console, recipients: Sequence[NotReached]) -> None:
    """Print a table of recipients that were not reached."""
    if not recipients:
        return
    with_lines = any(recipient.line for recipient in recipients)
    table = plain_table(
        "not reached", "reference", *["line"] * with_lines, "status", "reason", "error", numbers=("line",)
    )
    for recipient in recipients:
        cells = (
            recipient.recipient,
            recipient.reference or "",
            *[f"{recipient.line or ''}"] * with_lines,
            recipient.status,
            recipient.reason or "",
            recipient.error or "",
        )
        table.add_row(*map(printable, cells))
    console.print()
    print_table(console, table)


def print_waiting(console: Console, deliveries: Sequence[Log]) -> None:
    """Print a table of deliveries that were tried and wait for their next try."""
    if not deliveries:
        return
    columns = ("waiting", "reference", "reason", "provider", "attempts", "next try (UTC)")
    table = plain_table(*columns, numbers=("attempts",))
    for log in deliveries:
        cells = (
            log.recipient,
            log.reference or "",
            log.reason or "",
            log.provider or "",
            str(log.attempts),
            format_time(log.next_attempt_at) or "-",
        )
        table.add_row(*map(printable, cells))
    console.print()
    print_table(console, table)


def print_more(console: Console, *, shown: int, total: int, hint: str, kind: str = "not reached") -> None:
    """Print how many more recipients of a kind there are than are shown, and how to list them."""
    if total > shown:
        count = f"and {total - shown:,} more" if shown else f"{total:,} {kind}"
        console.print(f"{count}: {hint}", soft_wrap=True)


def print_end(console: Console, summary: Summary) -> None:
    """Print the notes, the number of unknown recipients if there are any, and the last line."""
    console.print()
    for note in summary.notes:
        console.print(printable(note), soft_wrap=True)
    if summary.unknown:
        console.print(
            f"{summary.unknown:,} of {summary.total:,} unknown: these messages may or may not have been sent",
            soft_wrap=True,
        )
    if summary.cost:
        rest = f", and {summary.unpriced:,} SMS without a price" if summary.unpriced else ""
        console.print(f"cost: {format_cost(summary.cost)}{rest}")
    console.print(f"all accounted for: {'yes' if summary.accounted else 'no'}")
