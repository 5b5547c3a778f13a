"""Form of a recipients file: what the user says about it, and what is found in it."""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from io import StringIO, TextIOWrapper
from typing import BinaryIO

from cli.errors import UsageError
from cli.recipients_file.csv_columns import ADDRESS, DELIMITERS, find_delimiter
from cli.recipients_file.encoding import UTF_8

_START_LENGTH = 100_000
"""Length of the part of a file that decides on its form, in characters."""

SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""First line with which Excel is told the delimiter."""

_BY_NAME = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}


class RowFormat(StrEnum):
    """Format of a recipients file."""

    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"
    """One array, or objects that take several lines each."""


_BY_SUFFIX = {
    ".csv": RowFormat.CSV,
    ".tsv": RowFormat.CSV,
    ".jsonl": RowFormat.JSONL,
    ".ndjson": RowFormat.JSONL,
    ".json": RowFormat.JSONL,
}


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Form of a file as the user gives it. What is None is found."""

    row_format: RowFormat | None = None
    encoding: str | None = None
    delimiter: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Headings of a CSV by the name that they get, such as `to`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Form of a file, so that every pass reads it in the same way."""

    row_format: RowFormat
    encoding: str
    newline: str | None
    """Line ends as `open` takes them."""
    delimiter: str
    columns: Mapping[str, str]
    as_variables: frozenset[str] = frozenset()
    """Columns of CSV that are variables and no fields of the recipient, unless an option says so."""

    def describe(self) -> str:
        """Return what is not a matter of course, or ""."""
        points = [] if self.encoding.removesuffix("-sig") == UTF_8 else [f"encoding {self.encoding}"]
        if self.row_format is RowFormat.CSV:
            if self.delimiter != ",":
                points.append(f"separated by {DELIMITERS.get(self.delimiter, self.delimiter)}")
            points += [f"column {heading} as {name}" for name, heading in self.columns.items()]
        elif self.row_format is RowFormat.JSON:
            points.append("one JSON document")
        return ", ".join(points)


def find_layout(file: BinaryIO, suffix: str, encoding: str, options: FileOptions) -> Layout:
    """Return the form of a file. Its name or its first characters decide what the options do not. Raises UsageError."""
    start = _read_start(file, encoding)
    row_format = options.row_format or _find_format(start, _BY_SUFFIX.get(suffix.lower()), options)
    if row_format is not RowFormat.CSV and (options.delimiter or options.columns):
        raise UsageError("--delimiter and --column: are for CSV. This file is JSON.")
    newline: str | None = ""
    if row_format is RowFormat.JSONL:
        # A carriage return may stand inside a line of JSON.
        newline = "\n" if "\n" in start else "\r"
    elif row_format is RowFormat.JSON:
        newline = None
    delimiter = options.delimiter or (_find_delimiter(start, options) if row_format is RowFormat.CSV else ",")
    return Layout(row_format, encoding, newline, delimiter, options.columns)


def open_text(file: BinaryIO, encoding: str, newline: str | None) -> TextIOWrapper:
    """Return the file as text from its beginning. Detach it before the file is read in another way."""
    file.seek(0)
    return TextIOWrapper(file, encoding, newline=newline)


def _read_start(file: BinaryIO, encoding: str) -> str:
    text = open_text(file, encoding, "")
    try:
        return text.read(_START_LENGTH).removeprefix("\ufeff")
    finally:
        text.detach()


def _find_format(start: str, by_suffix: RowFormat | None, options: FileOptions) -> RowFormat:
    """Return JSON for an array or an object over several lines, JSONL for a JSON string or object in a line, else CSV.

    The quoted header `"to"` of a CSV with a single column is a JSON string too. It counts as CSV.
    """
    if by_suffix is RowFormat.CSV or (by_suffix is None and (options.delimiter or options.columns)):
        return RowFormat.CSV
    start = start.lstrip()
    if start.startswith("["):
        return RowFormat.JSON
    try:
        value = json.loads(start.partition("\n")[0] if "\n" in start else start.partition("\r")[0])
    except (ValueError, RecursionError):
        return RowFormat.JSON if re.match(r"\{\s*[\r\n]", start) else by_suffix or RowFormat.CSV
    if by_suffix is not None or (isinstance(value, str | dict) and str(value).lower() != ADDRESS):
        return RowFormat.JSONL
    return RowFormat.CSV


def _find_delimiter(start: str, options: FileOptions) -> str:
    lines = list(StringIO(start, newline=""))
    if lines and (match := SEPARATOR_LINE.fullmatch(lines[0])):
        return match[1]
    return find_delimiter(lines, options.columns)


def parse_delimiter(text: str | None) -> str | None:
    """Return the delimiter of an option: a character or its name. Raises UsageError."""
    delimiter = _BY_NAME.get(text.lower(), text) if text else None
    try:
        csv.reader([], delimiter=delimiter or ",")
    except (TypeError, ValueError):
        delimiter = "\n"
    if delimiter and delimiter in "\r\n\"' ":
        raise UsageError("--delimiter: must be one character, or comma, semicolon, tab or pipe.")
    return delimiter
