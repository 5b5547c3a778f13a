"""Output of the command line: tables and progress bars on a terminal, plain lines elsewhere.

Texts of callers reach a terminal only through this module, which replaces control characters. A text that must stay
on its line passes `printable` before, which replaces line ends too.
"""

import io
import json
import re
import shutil
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import orjson
import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from typing_extensions import override

PLAIN_WIDTH = 120
"""Line width in columns if standard output is not a terminal."""

_UNBOUNDED_WIDTH = 10_000

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters except tabs and line ends."""


class PrintableConsole(Console):
    """Console that prints text literally, without markup and without the control characters of a caller's text."""

    def __init__(self, *, file: IO[str] | None = None, width: int | None = None, **options: Any) -> None:
        super().__init__(file=file, width=width, highlight=False, markup=False, emoji=False, **options)

    @override
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable_lines(segment.text), segment.style)


def open_console() -> Console:
    """Return a console on standard output."""
    console = PrintableConsole()
    return console if console.is_terminal else PrintableConsole(width=PLAIN_WIDTH, color_system=None)


def print_error(message: str) -> None:
    """Print lines on standard error."""
    typer.echo(printable_lines(message), err=True)


def write_json(console: Console, document: object, option: int = 0) -> None:
    """Write a document as JSON. `option` are options of orjson."""
    console.file.write(json_text(document, option) + "\n")


def json_text(document: object, option: int = 0) -> str:
    """Return a document as JSON. Characters that could control a terminal are escaped, so that it reads the same."""
    text = orjson.dumps(document, option=option | orjson.OPT_UTC_Z).decode()
    return "\n".join(line if line.isprintable() else _escape(line) for line in text.split("\n"))


def write_text(console: Console, text: str) -> None:
    """Write the text unchanged. On a terminal, replace its control characters."""
    if console.is_terminal:
        text = _CONTROL_CHARACTERS.sub("?", text.replace("\r\n", "\n"))
    console.file.write(text if text.endswith("\n") else text + "\n")


def print_table(console: Console, table: Table) -> None:
    """Print a table as wide as the terminal. Elsewhere print one line per row, without trailing blanks."""
    if console.is_terminal:
        console.print(table)
        return
    page = io.StringIO()
    PrintableConsole(file=page, width=_UNBOUNDED_WIDTH).print(table)
    for line in page.getvalue().splitlines():
        console.print(line.rstrip(), soft_wrap=True)


def printable(text: str) -> str:
    """Return a caller's text without control characters, which could control a terminal."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines without control characters, except for the line ends."""
    return "\n".join(map(printable, text.split("\n")))


def _escape(json_line: str) -> str:
    """Return a line of JSON with escapes in place of characters that are not printable (RFC 8259, section 7)."""
    return "".join(
        letter if letter.isprintable() else json.dumps(letter)[1:-1]  # with surrogate pairs
        for letter in json_line
    )


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
