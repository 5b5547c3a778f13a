"""`rollcall consents`: recorded consents of recipients to the messages of a tenant."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.file_options import ColumnOption, DelimiterOption, EncodingOption, FormatOption
from cli.errors import EXIT_FAILED
from schemas.statuses import Category, Channel

consents = typer.Typer(
    name="consents", help="Record consents of recipients to the messages of a tenant.", no_args_is_help=True
)


@consents.callback()
def _group() -> None:
    """Record consents of recipients to the messages of a tenant."""


@consents.command(
    "import",
    epilog="Exit codes: 0 every line is taken. 1 error, or some lines are not taken. "
    "2 options or settings are missing or contradict each other.",
)
def import_(  # noqa: PLR0913  # one parameter per option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or JSON file, or - for standard input.")],
    *,
    tenant: Annotated[str, typer.Option(help="Tenant of the addresses.")],
    channel: Annotated[Channel | None, typer.Option(help="Channel of the lines that name none.")] = None,
    category: Annotated[Category | None, typer.Option(help="Category of the lines that name none.")] = None,
    way: Annotated[str | None, typer.Option(help="Way in which they were given, such as web-form.")] = None,
    text_version: Annotated[str | None, typer.Option(help="Version of the text that was agreed to.")] = None,
    given_at: Annotated[
        str | None, typer.Option(help="Time of the lines that name none, such as 2026-01-31T09:00:00+08:00.")
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Country (ISO 3166) of a phone number without +. The default is ROLLCALL_DEFAULT_REGION."),
    ] = None,
    column: ColumnOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    file_format: FormatOption = None,
) -> None:
    """Record a consent for each line of a file of any size.

    CSV needs a column `to`, and may have `channel`, `category`, `way`, `text_version`, `given_at` and `region`. All
    other columns are not used. JSON is an array, or one value a line. A value is an address, or an object with these
    fields.

    Good lines are taken. Each line that is wrong is named with its number. A second run records the rest. A consent
    that was withdrawn after its time stays withdrawn.

    Example: rollcall consents import people.csv --channel email --category marketing --way form --text-version 2
    --tenant tnt_xyz789
    """
    from cli.consents.import_file import run  # noqa: PLC0415
    from cli.recipients_file.read_options import read_file_options  # noqa: PLC0415

    given = {
        "channel": channel,
        "category": category,
        "way": way,
        "text_version": text_version,
        "given_at": given_at,
        "region": region,
    }
    defaults = {name: str(value) for name, value in given.items() if value is not None}
    if not run(tenant, file, read_file_options(file_format, encoding, delimiter, column), defaults):
        raise typer.Exit(EXIT_FAILED)
