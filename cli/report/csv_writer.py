"""CSV output for spreadsheets: no cell becomes a formula, and a file is written completely or not at all."""

import csv
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cli.errors import UsageError
from cli.plain_output import printable

STDOUT = Path("-")

_FORMULA = re.compile(r"(?:^|(?<=;))(?= *[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Places before a character, also of full width, with which a spreadsheet starts a formula (OWASP, CSV Injection).

A semicolon counts because it ends the cell where it is the list separator, even behind a quotation mark.
"""


def escape_formula(cell: str) -> str:
    """Return the cell without control characters, and with an apostrophe before each place of a formula."""
    return _FORMULA.sub("'", printable(cell))


class CsvWriter:
    """Writer of a header row and data rows. It counts the data rows."""

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._writer.writerow(columns)
        self.rows = 0

    def add(self, cells: Sequence[str | None]) -> None:
        """Write a row. None becomes an empty cell."""
        self._writer.writerow([escape_formula(cell or "") for cell in cells])
        self.rows += 1


@contextmanager
def open_csv_writer(path: Path, columns: Sequence[str], stdout: IO[str] | None = None) -> Iterator[CsvWriter]:
    """Open a writer. It replaces the file when all rows are written. For `-` it writes to standard output."""
    if path == STDOUT:
        yield CsvWriter(stdout or sys.stdout, columns)
        return
    try:
        with (
            _write_in_place(path)
            if path.exists() and not path.is_file()
            else _write_and_replace(path.resolve()) as file
        ):
            yield CsvWriter(file, columns)
    except OSError as error:
        raise UsageError(f"--csv: {path} cannot be written ({error.strerror}).") from None


@contextmanager
def _write_in_place(path: Path) -> Iterator[IO[str]]:
    """Open a pipe or a terminal, which must not be replaced by a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _write_and_replace(path: Path) -> Iterator[IO[str]]:
    """Open a temporary file that replaces the path at the end. Only its owner can read it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    unfinished = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123  # pathlib cannot open a descriptor
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
