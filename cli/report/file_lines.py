"""Lines of the recipients file, for recipients that a report would not name otherwise."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path

from cli.errors import CommandError
from cli.recipients_file.csv_columns import REGION, TIMEZONE
from cli.recipients_file.layout import FileOptions
from cli.recipients_file.open_file import Source, open_source
from cli.recipients_file.row_error import RowError
from cli.report.summary import NotReached, Summary


class FileLines:
    """One pass over the file. Recipients must be asked for in request order, so that it needs no memory."""

    def __init__(self, source: Source, part_sizes: Sequence[int]) -> None:
        self._name = source.name
        self._rows = source.rows()
        self._recipients = iter(self._rows)
        self._number = -1
        self._starts = [0, *accumulate(part_sizes)]

    def line(self, part: int, index: int) -> int | None:
        """Return the line of a recipient, or None if the size of a part before it is not known.

        Raises CommandError if the file does not have it.
        """
        if part >= len(self._starts):
            return None
        number = self._starts[part] + index
        if number < self._number:
            raise AssertionError("recipients must be asked for in request order")
        try:
            while self._number < number:
                next(self._recipients)
                self._number += 1
        except StopIteration:
            raise CommandError(f"{self._name}: is not the file that was sent. It has fewer recipients.") from None
        except RowError as error:
            raise CommandError(f"{self._name}, {error}") from None
        return self._rows.line

    def add_to(self, recipients: Sequence[NotReached]) -> list[NotReached]:
        """Return the recipients, with the line of each that has no reference."""
        return [
            recipient if recipient.reference else replace(recipient, line=self.line(recipient.part, recipient.index))
            for recipient in recipients
        ]


NewLines = Callable[[], FileLines | None]
"""Begins a pass over the file. Returns None if no file is given."""


def with_lines(summary: Summary, source: Source, part_sizes: Sequence[int]) -> Summary:
    """Return the roll call with the lines of recipients without a reference, unless the file has changed since."""
    if all(recipient.reference for recipient in summary.not_reached):
        return summary
    try:
        return replace(summary, not_reached=FileLines(source, part_sizes).add_to(summary.not_reached))
    except CommandError:
        return summary


@contextmanager
def open_lines(file: Path | None, form: FileOptions, part_sizes: Sequence[int]) -> Iterator[NewLines]:
    """Open the file that was sent. Yield a function that begins a pass over it, or returns None without a file."""
    if file is None:
        yield lambda: None
        return
    with open_source(file, form) as source:
        source.keep_as_variables(REGION, TIMEZONE)  # only the text of the request would tell, and no line depends on it
        _check_length(source, sum(part_sizes))
        yield partial(FileLines, source, part_sizes)


def _check_length(source: Source, total: int) -> None:
    """Raise CommandError if the file does not have this number of recipients."""
    try:
        number = sum(1 for _ in source.rows())
    except RowError as error:
        raise CommandError(f"{source.name}, {error}") from None
    if number != total:
        raise CommandError(
            f"{source.name}: is not the file that was sent. It has {number:,} recipients, the request has {total:,}."
        )
