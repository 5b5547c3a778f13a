"""Where the command line writes: tables and bars for a terminal, plain lines for everything else."""

import io
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

PLAIN_WIDTH = 120
"""Columns, where no terminal says how wide it is."""

_UNBOUNDED_WIDTH = 10_000


def open_console() -> Console:
    """Standard output, taken literally: nothing in a name or an error is markup."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, emoji=False, width=PLAIN_WIDTH, color_system=None)
    return console


def print_table(console: Console, table: Table) -> None:
    """Print a table: as wide as the terminal, elsewhere a line a row, however long, and no blanks at its end."""
    if console.is_terminal:
        console.print(table)
        return
    page = io.StringIO()
    Console(file=page, width=_UNBOUNDED_WIDTH, highlight=False, markup=False, emoji=False).print(table)
    for line in page.getvalue().splitlines():
        console.print(line.rstrip(), soft_wrap=True)


def printable(text: str) -> str:
    """A caller's text without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def program() -> str:
    """The name under which this command line can be started from here, for lines that are to be copied."""
    started = Path(sys.argv[0]).absolute()
    found = shutil.which("rollcall")
    if started.name != "rollcall" or (found and Path(found).absolute() == started):
        return "rollcall"
    return str(started.relative_to(Path.cwd()) if started.is_relative_to(Path.cwd()) else started)


def plain_table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """A table without lines; the columns named in `numbers` are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table
