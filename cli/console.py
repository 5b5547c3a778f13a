"""Tables and texts of the command line: for a terminal, and as plain lines elsewhere.

Texts of callers reach a terminal only through this module and `cli/plain_output.py`, which replace control characters.
"""

import io
import re
from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from typing_extensions import override

from cli.plain_output import json_text, printable_lines

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


def write_json(console: Console, document: object, option: int = 0) -> None:
    """Write a document as JSON. `option` are options of orjson."""
    console.file.write(json_text(document, option) + "\n")


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


def plain_table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return a table without borders. The columns named in `numbers` are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table
