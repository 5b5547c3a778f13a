"""Columns of a CSV file: the delimiter, and the meaning of each heading."""

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cli.plain_output import printable
from cli.recipients_file.row_error import RowError

ADDRESS, REGION, TIMEZONE = "to", "region", "timezone"
_OWN = (ADDRESS, "reference", REGION, TIMEZONE)
"""Columns that are fields of a recipient. All other columns are variables."""

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
"""Delimiters that are found, with their names. The first one wins if several fit."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions of the columns in a row."""

    own: Mapping[str, int]
    variables: Mapping[str, int]
    unnamed: Sequence[int]
    """Columns without a heading. They must be empty."""
    width: int

    def fit(self, row: list[str], line: int) -> list[str] | None:
        """Return a row with the width of the header row, or None for a row without content. Raises RowError."""
        if not any(map(str.strip, row)):
            return None
        surplus, missing = row[self.width :], range(len(row), self.width)
        if any(map(str.strip, surplus)) or not set(missing) <= set(self.unnamed):
            hint = " Quote values that contain the delimiter." if len(row) > self.width else ""
            raise RowError(line, f"number of columns must be {self.width} as in the header row, is {len(row)}.{hint}")
        row = row[: self.width] + [""] * len(missing)
        for at in self.unnamed:
            if row[at].strip():
                raise RowError(line, f"column {at + 1} has a value, but no name in the header row.")
        return row


def read_header(
    row: Sequence[str], given: Mapping[str, str], line: int, *, as_variables: Collection[str] = ()
) -> Columns:
    """Return the columns of a header row. `given` has the heading of a column by its name. Raises RowError.

    A column `region` or `timezone` that is among `as_variables` is a field only if it is given. It is a variable, too.
    """
    names = [heading.strip() for heading in row]
    for name, heading in given.items():
        at = _find(heading, names)
        if at is None:
            raise RowError(line, f"the header row has no column for --column {name}=.{_headings(names)}")
        if name in names and names.index(name) != at:
            raise RowError(line, f"there is a column `{name}` already. Rename it, or leave out --column {name}=.")
        names[at] = name
    address = _find(ADDRESS, names)
    if address is None:
        raise RowError(
            line,
            "the header row must have a column `to` with the addresses. If it has another name, add "
            f"--column to=NAME. Columns are separated by a comma, semicolon, tab or pipe.{_headings(names)}",
        )
    names[address] = ADDRESS
    named = [name for name in names if name]
    if len(set(named)) != len(named):
        raise RowError(line, f"no name may occur twice in the header row.{_headings(names)}")
    own = [name for name in _OWN if name in names and (name not in as_variables or name in given)]
    fields = set(own).difference(as_variables)
    return Columns(
        {name: names.index(name) for name in own},
        {name: at for at, name in enumerate(names) if name and name not in fields},
        [at for at, name in enumerate(names) if not name],
        len(names),
    )


def find_delimiter(lines: Sequence[str], given: Mapping[str, str]) -> str:
    """Return the delimiter with which the first rows have a column for the addresses. The default is a comma."""
    heading = given.get(ADDRESS, ADDRESS)
    rows = {delimiter: _first_row(lines, delimiter) for delimiter in DELIMITERS}
    fitting = (delimiter for delimiter, row in rows.items() if _find(heading, row) is not None)
    return next(fitting, max(rows, key=lambda delimiter: len(rows[delimiter])))


def _first_row(lines: Iterable[str], delimiter: str) -> list[str]:
    """Return the first row with content, stripped."""
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if any(map(str.strip, row)):
                return [cell.strip() for cell in row]
    except csv.Error:
        pass
    return []


def _find(heading: str, names: Sequence[str]) -> int | None:
    """Return the position of a heading, else that of the only one that differs in case alone."""
    if heading in names:
        return names.index(heading)
    same = [at for at, name in enumerate(names) if name.casefold() == heading.strip().casefold()]
    return same[0] if len(same) == 1 else None


def _headings(names: Sequence[str]) -> str:
    """Return the headings, to follow a sentence. A file without a header row begins with an address: show nothing."""
    if any(character.isdigit() or character == "@" for name in names for character in name):
        return ""
    return f" The columns are: {', '.join(printable(name) for name in names if name)}." if any(names) else ""
