"""Options that say how a recipients file is written. Without them the file itself decides."""

from typing import Annotated

import typer

_PANEL = "Form of FILE"

ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        help="name=HEADING: names a column of a CSV `to`, `reference`, `region`, `timezone`, or as a variable. "
        "May be repeated.",
        rich_help_panel=_PANEL,
    ),
]
DelimiterOption = Annotated[
    str | None,
    typer.Option(
        help="Delimiter of a CSV: a character, or comma, semicolon, tab or pipe. The default is found.",
        rich_help_panel=_PANEL,
    ),
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        help="Encoding, such as cp1252, gb18030 or utf-16. The default is found. An uncertain file is refused.",
        rich_help_panel=_PANEL,
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="csv, jsonl (one recipient a line) or json (one array). The default follows from the file.",
        rich_help_panel=_PANEL,
    ),
]
