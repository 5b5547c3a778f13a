"""A file of recipients, read a line at a time: CSV with a header row, or JSON lines.

Errors name the line and the field, never what stands there. An empty cell of CSV is a variable that is not given: CSV
has no other way to say so. JSON lines can give an empty text.
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
"""More cannot travel in one record of the intake anyway."""

_ANY_RECIPIENT: TypeAdapter[AnyRecipient] = TypeAdapter(AnyRecipient)
_OWN_COLUMNS = ("to", "reference")
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z_]{0,40}")


class RowFormat(StrEnum):
    """How the file is written."""

    CSV = "csv"
    JSONL = "jsonl"


class RowError(Exception):
    """A line cannot be used."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")


Row = AnyRecipient | RowError
"""A recipient, or why a line is none."""


class Rows:
    """The recipients of a file, in order; `line` is where the reading stands, counted from 1."""

    def __init__(self, file: BinaryIO, row_format: RowFormat) -> None:
        self.line = 0
        self._file = file
        self._format = row_format

    def __iter__(self) -> Iterator[AnyRecipient]:
        for row in self.judged():
            if isinstance(row, RowError):
                raise row
            yield row

    def judged(self) -> Iterator[Row]:
        """Every line, also those that cannot be used; raises RowError where no more can be read behind one."""
        try:
            yield from self._csv() if self._format is RowFormat.CSV else self._json_lines()
        except csv.Error as error:
            # These messages are fixed sentences about quotes, lengths and line ends; they quote nothing.
            raise RowError(self.line, f"is not CSV ({error})") from None

    def _lines(self) -> Iterator[str]:
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            self.line += 1
            if len(raw) > MAX_LINE_BYTES:
                raise RowError(self.line, f"is longer than {MAX_LINE_BYTES} bytes")
            try:
                yield raw.decode("utf-8-sig" if self.line == 1 else "utf-8")
            except UnicodeDecodeError:
                raise RowError(self.line, "is not UTF-8") from None

    def _json_lines(self) -> Iterator[Row]:
        for line in self._lines():
            if line.strip():
                yield self._valid(_ANY_RECIPIENT.validate_json, line)

    def _valid(self, validate: Callable[[Any], AnyRecipient], said: object) -> Row:
        try:
            return validate(said)
        except ValidationError as error:
            return RowError(self.line, explain(error, is_union=self._format is RowFormat.JSONL))

    def _csv(self) -> Iterator[Row]:
        reader = csv.reader(self._lines(), strict=True)
        header = _checked_header(next(reader, []))
        own_at = {name: header.index(name) for name in _OWN_COLUMNS if name in header}
        variables_at = {name: at for at, name in enumerate(header) if name not in _OWN_COLUMNS}
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                yield RowError(self.line, f"has {len(row)} columns, the header row has {len(header)}")
                continue
            own = {name: row[at].strip() for name, at in own_at.items() if name == "to" or row[at].strip()}
            variables = {name: row[at] for name, at in variables_at.items() if row[at]}
            yield self._valid(Recipient.model_validate, {**own, "variables": variables})


def _checked_header(row: list[str]) -> list[str]:
    header = [name.strip() for name in row]
    if "to" not in header:
        raise RowError(1, "the header row has no column `to`; the first row names the columns, separated by commas")
    if len(set(header)) != len(header) or "" in header:
        raise RowError(1, "two columns of the header row have the same name, or one has none")
    return header


def explain(error: ValidationError, *, is_union: bool) -> str:
    """What is wrong with a recipient, by field, without its values. With `is_union` it may be an address alone."""
    problems = drop_object_branch(read_problems(error, is_union=is_union))
    if problems[0].kind == "json_invalid":
        return "is not JSON"
    return "; ".join(_named(problem.location) + _said(problem) for problem in problems)


def _said(problem: Problem) -> str:
    if problem.is_no_recipient:
        return "is neither an address nor an object with `to`"
    return "is empty" if problem.kind == "string_too_short" else problem.phrase


def _named(location: Location) -> str:
    """The field's path; what stands in a file where a name belongs may be an address, so only plain names are shown."""
    shown = path_of(step if _FIELD_NAME.fullmatch(str(step)) else "***" for step in location)
    return f"{shown}: " if shown else ""
