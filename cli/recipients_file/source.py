"""The file of recipients as something that can be read twice, also when it comes through a pipe."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sys import stdin
from typing import BinaryIO

from cli.errors import UsageError
from cli.recipients_file.rows import RowFormat, Rows

STDIN = Path("-")

_BY_SUFFIX = {
    ".csv": RowFormat.CSV,
    ".jsonl": RowFormat.JSONL,
    ".ndjson": RowFormat.JSONL,
    ".json": RowFormat.JSONL,
}
_SNIFFED_BYTES = 100_000


class Source:
    """A file open for reading, and how it is written."""

    def __init__(self, file: BinaryIO, row_format: RowFormat) -> None:
        self._file = file
        self._format = row_format

    def rows(self) -> Rows:
        """The recipients from the beginning; earlier rows of the same source are of no use from then on."""
        self._file.seek(0)
        return Rows(self._file, self._format)


@contextmanager
def open_source(path: Path, row_format: RowFormat | None) -> Iterator[Source]:
    """Open a file, or `-` for standard input; without a format its suffix or its first line decides."""
    try:
        file = stdin.buffer if path == STDIN else path.open("rb")
    except OSError as error:
        raise UsageError(
            f"FILE: cannot be read ({error.strerror}); give a CSV or JSON-lines file, or - for a pipe"
        ) from None
    with file as opened, _seekable(opened) as whole:
        yield Source(whole, row_format or _BY_SUFFIX.get(path.suffix.lower()) or _sniff(whole))


@contextmanager
def _seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file itself, or where it is a pipe its content in a nameless temporary file."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as spool:
        shutil.copyfileobj(file, spool)
        yield spool


def _sniff(file: BinaryIO) -> RowFormat:
    """JSON lines begin with a string or an object; a header row of CSV is neither, save the single column `"to"`."""
    file.seek(0)
    first = file.readline(_SNIFFED_BYTES).strip()
    try:
        value = json.loads(first)
    except ValueError:
        return RowFormat.CSV
    return RowFormat.JSONL if isinstance(value, str | dict) and value != "to" else RowFormat.CSV
