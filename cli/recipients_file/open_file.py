"""The recipients file as a source that can be read twice, even if it comes through a pipe."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sys import stdin
from typing import BinaryIO

from cli.console import printable
from cli.errors import UsageError
from cli.recipients_file.rows import RowFormat, Rows

STDIN = Path("-")

_BY_SUFFIX = {
    ".csv": RowFormat.CSV,
    ".jsonl": RowFormat.JSONL,
    ".ndjson": RowFormat.JSONL,
    ".json": RowFormat.JSONL,
}
_MAX_FIRST_LINE_BYTES = 100_000


class Source:
    """An open file and its format."""

    def __init__(self, file: BinaryIO, row_format: RowFormat, name: str) -> None:
        self._file = file
        self._format = row_format
        self.name = name
        """Name of the file in errors."""

    def rows(self) -> Rows:
        """Return the recipients from the beginning. Rows that were returned earlier cannot be used any more."""
        self._file.seek(0)
        return Rows(self._file, self._format)


@contextmanager
def open_source(path: Path, row_format: RowFormat | None) -> Iterator[Source]:
    """Open a file, or standard input for `-`. Without a format, its suffix or its first line decides."""
    try:
        file = stdin.buffer if path == STDIN else path.open("rb")
    except OSError as error:
        raise UsageError(
            f"FILE: {path} cannot be read ({error.strerror}). Name a CSV or JSON-lines file, or - for standard input."
        ) from None
    name = "standard input" if path == STDIN else printable(path.name)
    with file as opened, _seekable(opened) as whole:
        yield Source(whole, row_format or _BY_SUFFIX.get(path.suffix.lower()) or _detect_format(whole), name)


@contextmanager
def _seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield the file itself, or a temporary copy if it is a pipe."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as spool:
        shutil.copyfileobj(file, spool)
        yield spool


def _detect_format(file: BinaryIO) -> RowFormat:
    """Return JSONL if the first line is a JSON string or object, else CSV.

    The quoted header `"to"` of a CSV with a single column is a JSON string too. It counts as CSV.
    """
    file.seek(0)
    first = file.readline(_MAX_FIRST_LINE_BYTES).strip()
    try:
        value = json.loads(first)
    except ValueError:
        return RowFormat.CSV
    return RowFormat.JSONL if isinstance(value, str | dict) and value != "to" else RowFormat.CSV
