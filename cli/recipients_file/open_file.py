"""The recipients file as a source that can be read twice, even if it comes through a pipe."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from sys import stdin
from typing import BinaryIO, TypeVar

from cli.errors import CommandError, UsageError
from cli.plain_output import printable
from cli.recipients_file.encoding import find_encoding
from cli.recipients_file.file_kind import describe_binary
from cli.recipients_file.layout import FileOptions, Layout, find_layout, open_text
from cli.recipients_file.row_error import RowError
from cli.recipients_file.rows import RECIPIENTS, RowModel, Rows
from schemas.requests import AnyRecipient

T = TypeVar("T")

STDIN = Path("-")


class Source:
    """An open file and its form."""

    def __init__(self, file: BinaryIO, layout: Layout, name: str) -> None:
        self._file = file
        self._text: TextIOWrapper | None = None
        self.layout = layout
        self.name = name
        """Name of the file in errors."""

    def rows(self) -> Rows[AnyRecipient]:
        """Return the recipients from the beginning. Rows that were returned earlier cannot be used any more."""
        return self.rows_of(RECIPIENTS)

    def rows_of(self, model: RowModel[T]) -> Rows[T]:
        """Return the rows with another meaning, as `rows` does."""
        if self._text is not None:
            self._text.detach()
        self._text = open_text(self._file, self.layout.encoding, self.layout.newline)
        return Rows(self._text, self.layout, model)

    def keep_as_variables(self, *columns: str) -> None:
        """Read columns as variables, although they have the name of a field of the recipient."""
        self.layout = replace(self.layout, as_variables=self.layout.as_variables.union(columns))

    def describe(self) -> str:
        """Return how the file is read, or "" if that is a matter of course."""
        description = self.layout.describe()
        return f"{self.name}: {description}" if description else ""


@contextmanager
def open_source(path: Path, options: FileOptions | None = None) -> Iterator[Source]:
    """Open a file, or standard input for `-`. Raises CommandError if it is not a text file that can be read."""
    try:
        file = stdin.buffer if path == STDIN else path.open("rb")
    except OSError as error:
        raise UsageError(
            f"FILE: {path} cannot be read ({error.strerror}). Name a CSV or JSON file, or - for standard input."
        ) from None
    name = "standard input" if path == STDIN else printable(path.name)
    with file as opened, _seekable(opened) as whole:
        yield read_source(whole, name, path.suffix, options or FileOptions())


def read_source(file: BinaryIO, name: str, suffix: str, options: FileOptions) -> Source:
    """Return the source of an open file. Raises CommandError if it is not a text file that can be read."""
    if (problem := describe_binary(file)) is not None:
        raise CommandError(f"{name}: {problem}")
    try:
        encoding = find_encoding(file, options.encoding)
    except RowError as error:
        raise CommandError(f"{name}, {error}") from None
    return Source(file, find_layout(file, suffix, encoding, options), name)


@contextmanager
def _seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield the file itself, or a temporary copy if it is a pipe."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as spool:
        shutil.copyfileobj(file, spool)
        yield spool
