"""Reader of a recipients file, line by line: CSV with a header row, or JSON lines.

Errors name the line and the field, but never the value. An empty cell of CSV means that the variable is not given,
because CSV has no other way to express it. JSON lines can give an empty text.
"""

import csv
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from schemas.requests import AnyRecipient, Recipient
from schemas.validation_errors import Location, Problem, drop_object_branch, path_of, read_problems

MAX_LINE_BYTES = 1_000_000
"""Maximum length of a line in bytes. A longer line would not fit into one intake record."""

_ANY_RECIPIENT: TypeAdapter[AnyRecipient] = TypeAdapter(AnyRecipient)
_OWN_COLUMNS = ("to", "reference", "region")
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z_]{0,40}")


class RowFormat(StrEnum):
    """Format of a recipients file."""

    CSV = "csv"
    JSONL = "jsonl"


class RowError(Exception):
    """Line that cannot be used."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")


Row = AnyRecipient | RowError
"""A recipient, or the error of a line that cannot be used."""


class Rows:
    """Recipients of a file, in order. `line` is the number of the line that was read last, counted from 1."""

    def __init__(self, file: BinaryIO, row_format: RowFormat) -> None:
        self.line = 0
        self._file = file
        self._format = row_format

    def __iter__(self) -> Iterator[AnyRecipient]:
        for row in self.checked_rows():
            if isinstance(row, RowError):
                raise row
            yield row

    def checked_rows(self) -> Iterator[Row]:
        """Yield a recipient or an error for each line. Raises RowError if the rest of the file cannot be read."""
        try:
            yield from self._csv() if self._format is RowFormat.CSV else self._json_lines()
        except csv.Error as error:
            # The messages of csv.Error are fixed sentences about quotes, lengths and line ends. They quote no values.
            raise RowError(self.line, f"not valid CSV ({error}).") from None

    def _lines(self) -> Iterator[str]:
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            self.line += 1
            if len(raw) > MAX_LINE_BYTES:
                raise RowError(self.line, f"must not be longer than {MAX_LINE_BYTES:,} bytes.")
            try:
                yield raw.decode("utf-8-sig" if self.line == 1 else "utf-8")
            except UnicodeDecodeError:
                raise RowError(
                    self.line, 'not UTF-8. Save the file as UTF-8, in a spreadsheet as "CSV UTF-8".'
                ) from None

    def _json_lines(self) -> Iterator[Row]:
        for line in self._lines():
            if line.strip():
                yield self._validated(_ANY_RECIPIENT.validate_json, line)

    def _validated(self, validate: Callable[[Any], AnyRecipient], raw: object) -> Row:
        try:
            return validate(raw)
        except ValidationError as error:
            return RowError(self.line, describe_errors(error, is_union=self._format is RowFormat.JSONL))

    def _csv(self) -> Iterator[Row]:
        reader = csv.reader(self._lines(), strict=True)
        header = _checked_header(next(reader, []))
        own_at = {name: header.index(name) for name in _OWN_COLUMNS if name in header}
        variables_at = {name: at for at, name in enumerate(header) if name not in _OWN_COLUMNS}
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                yield RowError(
                    self.line, f"number of columns must be {len(header)} as in the header row, is {len(row)}."
                )
                continue
            own = {name: row[at].strip() for name, at in own_at.items() if name == "to" or row[at].strip()}
            variables = {name: row[at] for name, at in variables_at.items() if row[at]}
            yield self._validated(Recipient.model_validate, {**own, "variables": variables})


def _checked_header(row: list[str]) -> list[str]:
    header = [name.strip() for name in row]
    if "to" not in header:
        raise RowError(
            1, "the header row must have a column `to`. The first row contains the column names, separated by commas."
        )
    if len(set(header)) != len(header) or "" in header:
        raise RowError(1, "each column of the header row must have a name, and no name may occur twice.")
    return header


def describe_errors(error: ValidationError, *, is_union: bool) -> str:
    """Return the problems of a recipient, by field and without values.

    With `is_union` the recipient may also be an address alone.
    """
    problems = drop_object_branch(read_problems(error, is_union=is_union))
    if problems[0].kind == "json_invalid":
        return "not valid JSON."
    return ", ".join(_field_prefix(problem.location) + _describe_problem(problem) for problem in problems) + "."


def _describe_problem(problem: Problem) -> str:
    if problem.is_no_recipient:
        return "must be an address, or an object with `to`"
    return "must not be empty" if problem.kind == "string_too_short" else problem.phrase.removesuffix(".")


def _field_prefix(location: Location) -> str:
    """Return the path of a field as a prefix. A name from the file may be an address, so only plain names are shown."""
    path = path_of(step if _FIELD_NAME.fullmatch(str(step)) else "***" for step in location)
    return f"{path}: " if path else ""
