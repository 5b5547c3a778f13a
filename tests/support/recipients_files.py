"""Recipients files in memory, as their bytes or their text."""

import io
from pathlib import Path

from cli.errors import CommandError
from cli.recipients_file.open_file import Source, read_source
from cli.recipients_file.read_options import read_file_options
from cli.recipients_file.row_error import RowError
from core.request_parts import recipient_json

TO = "13800138000"
LI = {"to": TO, "variables": {"name": "Li"}}


def a_source(raw: str | bytes, name: str = "people.csv", **options: object) -> Source:
    file = io.BytesIO(raw if isinstance(raw, bytes) else raw.encode())
    chosen = {"file_format": None, "encoding": None, "delimiter": None, "columns": None, **options}
    return read_source(file, name, Path(name).suffix, read_file_options(**chosen))  # type: ignore[arg-type]


def read_twice(raw: str | bytes, name: str = "people.csv", **options: object) -> list[object]:
    """Return the recipients of a file if two passes agree."""
    source = a_source(raw, name, **options)
    first, second = ([recipient_json(row) for row in source.rows()] for _ in range(2))
    assert first == second
    return first


def errors_of(raw: str | bytes, name: str = "people.csv", **options: object) -> list[str]:
    """Return the errors of lines that cannot be used."""
    return [str(row) for row in a_source(raw, name, **options).rows().checked_rows() if isinstance(row, RowError)]


def first_error(raw: str | bytes, name: str = "people.csv", **options: object) -> str:
    """Return the error because of which the file cannot be used."""
    try:
        list(a_source(raw, name, **options).rows())
    except (RowError, CommandError) as error:
        return str(error)
    raise AssertionError("the file can be used")


def a_list(names: list[str], delimiter: str = ";") -> str:
    """Return a CSV with one recipient for each name."""
    return f"to{delimiter}name\r\n" + "".join(f"{TO}{delimiter}{name}\r\n" for name in names)
