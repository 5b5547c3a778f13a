"""Lines of a file to import: the good ones as they are stored, and a report about each of the others."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from cli.recipients_file.open_file import Source
from cli.recipients_file.row_error import RowError
from cli.recipients_file.rows import RowModel
from ledger.suppressing import InvalidSuppressionError

Body = TypeVar("Body")
Item = TypeVar("Item")


class ImportReader(Generic[Body, Item]):
    """Reader of one file. `prepare` turns a row into what is stored, and raises InvalidSuppressionError."""

    def __init__(self, rows: RowModel[Body], prepare: Callable[[Body], Item], report: Callable[[str], None]) -> None:
        self._rows, self._prepare, self._report = rows, prepare, report
        self.failed = 0
        """Number of lines that were not taken."""

    def read(self, source: Source) -> Iterator[tuple[int, Item]]:
        """Yield the good lines with their numbers, and report the others."""
        rows = source.rows_of(self._rows)
        try:
            for row in rows.checked_rows():
                if isinstance(row, RowError):
                    self.refuse(source, row)
                    continue
                try:
                    item = self._prepare(row)
                except InvalidSuppressionError as error:
                    self.refuse(source, RowError(rows.line, f"{error}."))
                else:
                    yield rows.line, item
        except RowError as error:  # the rest of the file cannot be read
            self.refuse(source, error)

    def refuse(self, source: Source, error: RowError) -> None:
        """Report a line that is not taken. The error names the line, and shows no value of it."""
        self.failed += 1
        self._report(f"{source.name}, {error}")
