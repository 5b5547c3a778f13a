"""Reader of the recipients of a file: CSV with a header row, JSON lines, or one JSON document.

Errors name the line and the field, but never the value. An empty cell of CSV means that the variable is not given,
because CSV has no other way to express it. JSON can give an empty text.
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TextIO, TypeVar

from pydantic import TypeAdapter, ValidationError

from cli.recipients_file.csv_columns import ADDRESS, Columns, read_header
from cli.recipients_file.json_values import JsonValues
from cli.recipients_file.layout import SEPARATOR_LINE, Layout, RowFormat
from cli.recipients_file.row_error import RowError
from schemas.requests import AnyRecipient, Recipient
from schemas.validation_errors import Location, Problem, drop_object_branch, first_lines, path_of, read_problems

MAX_LINE_LENGTH = 1_000_000
"""Maximum length of a line in characters. A longer line would not fit into one intake record."""

_ANY_RECIPIENT: TypeAdapter[AnyRecipient] = TypeAdapter(AnyRecipient)
_PHRASES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of a recipient",
    "string_too_short": "must not be empty",
}
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z_]{0,40}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RowModel(Generic[T]):
    """Meaning of a row. Both functions raise ValidationError."""

    from_json: Callable[[Any], T]
    """Returns the value of a text of JSON."""
    from_cells: Callable[[dict[str, str], dict[str, str]], T]
    """Returns the value of the columns of a recipient, and of all other columns, of a row of CSV."""


RECIPIENTS: RowModel[AnyRecipient] = RowModel(
    _ANY_RECIPIENT.validate_json,
    lambda own, variables: Recipient.model_validate({**own, "variables": variables}),
)


class Rows(Generic[T]):
    """Rows of a file, in order. `line` is the first line of the row that was read last, from 1."""

    def __init__(self, file: TextIO, layout: Layout, model: RowModel[T]) -> None:
        self.line = 0
        self._lines_read = 0
        self._file = file
        self._layout = layout
        self._model = model

    def __iter__(self) -> Iterator[T]:
        for row in self.checked_rows():
            if isinstance(row, RowError):
                raise row
            yield row

    def checked_rows(self) -> Iterator[T | RowError]:
        """Yield a value or an error for each line. Raises RowError if the rest of the file cannot be read."""
        try:
            match self._layout.row_format:
                case RowFormat.CSV:
                    yield from self._csv()
                case RowFormat.JSONL:
                    yield from self._json_lines()
                case RowFormat.JSON:
                    yield from self._json()
        except csv.Error as error:
            raise RowError(self.line, _describe_csv_error(error)) from None
        except UnicodeError:
            raise RowError(self._lines_read + 1, f"not {self._layout.encoding}. The file has changed.") from None

    def _lines(self) -> Iterator[str]:
        readline = self._file.readline
        while line := readline(MAX_LINE_LENGTH + 1):
            self._lines_read += 1
            if len(line) > MAX_LINE_LENGTH:
                raise RowError(self._lines_read, f"must not be longer than {MAX_LINE_LENGTH:,} characters.")
            yield line.removeprefix("\ufeff") if self._lines_read == 1 else line

    def _json_lines(self) -> Iterator[T | RowError]:
        for line in self._lines():
            if line.strip():
                self.line = self._lines_read
                yield self._validated(self._model.from_json, line)

    def _json(self) -> Iterator[T | RowError]:
        for line, value in JsonValues(self._file, MAX_LINE_LENGTH):
            self.line = line
            yield self._validated(self._model.from_json, value)

    def _validated(self, validate: Callable[..., T], *raw: object) -> T | RowError:
        try:
            return validate(*raw)
        except ValidationError as error:
            return RowError(self.line, describe_errors(error, is_union=self._layout.row_format is not RowFormat.CSV))

    def _csv(self) -> Iterator[T | RowError]:
        rows = self._csv_rows()
        header = next(filter(lambda row: any(map(str.strip, row)), rows), [])
        columns = read_header(
            header,
            self._layout.columns,
            max(self.line, 1),
            as_variables=self._layout.as_variables,
        )
        to = columns.own[ADDRESS]
        for row in rows:
            if not columns.unnamed and len(row) == columns.width and row[to].strip():
                yield self._recipient(row, columns)
                continue
            try:
                fitted = columns.fit(row, self.line)
            except RowError as error:
                yield error
                continue
            if fitted is not None:
                yield self._recipient(fitted, columns)

    def _csv_rows(self) -> Iterator[list[str]]:
        lines = self._lines()
        first = next(lines, "")
        # Excel writes the delimiter into a first line of its own.
        has_separator = SEPARATOR_LINE.fullmatch(first) is not None
        reader = csv.reader(
            lines if has_separator else chain([first], lines), delimiter=self._layout.delimiter, strict=True
        )
        self.line = 2 if has_separator else 1
        while (row := next(reader, None)) is not None:
            yield row
            self.line = self._lines_read + 1

    def _recipient(self, row: list[str], columns: Columns) -> T | RowError:
        own = {name: row[at].strip() for name, at in columns.own.items() if name == ADDRESS or row[at].strip()}
        variables = {name: row[at] for name, at in columns.variables.items() if row[at]}
        return self._validated(self._model.from_cells, own, variables)


def _describe_csv_error(error: csv.Error) -> str:
    """Return what is wrong with a row. The messages of csv.Error are fixed sentences, which quote no values."""
    text = str(error)
    if "unexpected end of data" in text:
        return 'not valid CSV. A quote (") begins a cell here and is never closed.'
    if "field larger" in text:
        return f'not valid CSV. A cell is longer than {csv.field_size_limit():,} characters. Is a quote (") not closed?'
    if "expected after" in text:
        return (
            'not valid CSV. After the quote (") that closes a cell, the next cell or row must follow. Write a quote ""'
        )
    return f"not valid CSV ({text})."


def describe_errors(error: ValidationError, *, is_union: bool) -> str:
    """Return the problems of a recipient, by field and without values.

    With `is_union` the recipient may also be an address alone.
    """
    problems = drop_object_branch(read_problems(error, is_union=is_union))
    if problems[0].kind == "json_invalid":
        return "not valid JSON."
    lines = first_lines(_field_prefix(problem.location) + _describe_problem(problem) for problem in problems)
    return ", ".join(lines) + "."


def _describe_problem(problem: Problem) -> str:
    if problem.is_no_recipient:
        return "must be an address, or an object with `to`"
    return _PHRASES.get(problem.kind) or problem.phrase.removesuffix(".")


def _field_prefix(location: Location) -> str:
    """Return the path of a field as a prefix. A name from the file may be an address, so only plain names are shown."""
    path = path_of(step if _FIELD_NAME.fullmatch(str(step)) else "***" for step in location)
    return f"{path}: " if path else ""
