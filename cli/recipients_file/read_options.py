"""The options that say how a recipients file is written."""

from collections.abc import Iterable

from cli.errors import UsageError
from cli.recipients_file.layout import FileOptions, RowFormat, parse_delimiter


def read_file_options(
    file_format: str | None, encoding: str | None, delimiter: str | None, columns: Iterable[str] | None
) -> FileOptions:
    """Return the options as one value. Raises UsageError."""
    if file_format is not None and file_format not in set(RowFormat):
        raise UsageError(f"--format: must be one of {', '.join(RowFormat)}.")
    headings = {}
    for pair in columns or ():
        name, equals, heading = (part.strip() for part in pair.partition("="))
        if not name or not equals or not heading:
            raise UsageError("--column: must be name=HEADING, such as to=Mobile.")
        if name in headings:
            raise UsageError(f"--column {name}=: must be given once.")
        headings[name] = heading
    return FileOptions(
        row_format=RowFormat(file_format) if file_format else None,
        encoding=encoding,
        delimiter=parse_delimiter(delimiter),
        columns=headings,
    )
