"""CSV for people with a spreadsheet: no cell is taken for a formula, and a file is there whole or not at all."""

import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cli.console import printable
from cli.errors import UsageError

STDOUT = Path("-")

_FORMULA = ("=", "+", "-", "@")
"""What makes a spreadsheet compute a cell (OWASP, CSV Injection)."""


def escape_formula(cell: str) -> str:
    """The cell without control characters, and with an apostrophe before what would be a formula."""
    shown = printable(cell)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


class CsvWriter:
    """Rows being written."""

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(columns)
        self.rows = 0

    def add(self, cells: Sequence[str | None]) -> None:
        """Write a row; None becomes an empty cell."""
        self._writer.writerow([escape_formula(cell or "") for cell in cells])
        self.rows += 1


@contextmanager
def open_csv_writer(path: Path, columns: Sequence[str], stdout: IO[str] | None = None) -> Iterator[CsvWriter]:
    """A sheet that takes the place of the file when all is written, or is written to standard output for `-`."""
    if path == STDOUT:
        yield CsvWriter(stdout or sys.stdout, columns)
        return
    try:
        with _device(path) if path.exists() and not path.is_file() else _whole(path.resolve()) as file:
            yield CsvWriter(file, columns)
    except OSError as error:
        raise UsageError(f"--csv: {path} cannot be written ({error.strerror})") from None


@contextmanager
def _device(path: Path) -> Iterator[IO[str]]:
    """A pipe or a terminal, whose place nothing may take."""
    with path.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _whole(path: Path) -> Iterator[IO[str]]:
    """A file of another name that takes its place at the end; its owner alone may read it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    half = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123  # a descriptor is no path
            yield file
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
