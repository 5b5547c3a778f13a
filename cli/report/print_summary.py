"""The roll call on the screen: counts by status and reason, who was not reached and why, and the last line."""

from collections.abc import Sequence

from rich.console import Console

from cli.console import plain_table, print_table, printable
from cli.report.summary import Counts, NotReached, Summary, by_status
from schemas.statuses import Reason, Status

_REASONS = {reason.value: reason.meaning.partition(": ")[2] or reason.meaning for reason in Reason}
_STATUSES = {status.value: status.meaning for status in Status}


def print_roll_call(console: Console, summary: Summary, *, hint: str) -> None:
    """Print it all; `hint` says where the rest of a long list is."""
    print_counts(console, summary.counts, summary.total)
    print_missed(console, summary.missed)
    print_more(console, shown=len(summary.missed), total=summary.missed_total, hint=f"{hint} --all")
    print_end(console, summary)


def print_counts(console: Console, counts: Counts, total: int) -> None:
    """The counts by status, the reasons of each below it, and the total."""
    table = plain_table("status", "recipients", "meaning", numbers=("recipients",))
    for status, number in by_status(counts).items():
        table.add_row(printable(status), f"{number:,}", _STATUSES.get(status, ""))
        reasons = {why: n for (which, why), n in counts.items() if which == status and why and n}
        for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(f"  {printable(reason)}", f"{count:,}", f"  {_REASONS.get(reason, '')}")
    if (rest := total - sum(counts.values())) > 0:
        table.add_row("-", f"{rest:,}", "no outcome was heard of yet")
    table.add_row("total", f"{total:,}", "")
    print_table(console, table)


def print_missed(console: Console, missed: Sequence[NotReached]) -> None:
    """Some of those who were not reached, as a table of their own."""
    if not missed:
        return
    table = plain_table("not reached", "reference", "status", "reason", "error")
    for one in missed:
        cells = (one.recipient, one.reference or "", one.status, one.reason or "", one.error or "")
        table.add_row(*map(printable, cells))
    console.print()
    print_table(console, table)


def print_more(console: Console, *, shown: int, total: int, hint: str) -> None:
    """How many more were not reached than are shown, and where they are."""
    if total > shown:
        said = f"and {total - shown:,} more: {hint}" if shown else f"not reached: {total:,}; {hint}"
        console.print(said, soft_wrap=True)


def print_end(console: Console, summary: Summary) -> None:
    """What else is to say, and the last line."""
    console.print()
    for note in summary.notes:
        console.print(printable(note), soft_wrap=True)
    console.print(f"all accounted for: {'yes' if summary.accounted else 'no'}")
