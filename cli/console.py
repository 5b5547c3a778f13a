"""Output of the command line: tables and progress bars on a terminal, plain lines elsewhere."""

import io
import shutil
import sys
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

PLAIN_WIDTH = 120
"""Line width in columns if standard output is not a terminal."""

_UNBOUNDED_WIDTH = 10_000


def open_console() -> Console:
    """Return a console on standard output that prints text literally, without markup."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, emoji=False, width=PLAIN_WIDTH, color_system=None)
    return console


def print_table(console: Console, table: Table) -> None:
    """Print a table as wide as the terminal. Elsewhere print one line per row, without trailing blanks."""
    if console.is_terminal:
        console.print(table)
        return
    page = io.StringIO()
    Console(file=page, width=_UNBOUNDED_WIDTH, highlight=False, markup=False, emoji=False).print(table)
    for line in page.getvalue().splitlines():
        console.print(line.rstrip(), soft_wrap=True)


def printable(text: str) -> str:
    """Return a caller's text without control characters, which could control a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def program_name() -> str:
    """Return the name with which a user can start this program from the current folder, for lines to copy."""
    started = Path(sys.argv[0]).absolute()
    on_path = shutil.which("rollcall")
    if started.name != "rollcall" or (on_path and Path(on_path).absolute() == started):
        return "rollcall"
    return str(started.relative_to(Path.cwd()) if started.is_relative_to(Path.cwd()) else started)


def continues_note(request_id: str, tenant_id: str) -> str:
    """Return the note of a command that cannot follow a request any more."""
    command = f"{program_name()} watch {request_id} --tenant {tenant_id}"
    return f"The request continues without this command. Follow it with `{command}`."


def format_time(time: datetime | None) -> str:
    """Return a time as tables show it, in UTC, or an empty text without one."""
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else ""


def plain_table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return a table without borders. The columns named in `numbers` are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table
