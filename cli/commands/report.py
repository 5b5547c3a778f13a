"""`rollcall report`: the roll call of a request, from the ledger."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.file_options import ColumnOption, DelimiterOption, EncodingOption, FormatOption
from cli.errors import EXIT_FAILED


def report(  # noqa: PLR0913  # one parameter per option
    request_id: Annotated[str, typer.Argument(help="Id of the request, from `send` or from the HTTP answer.")],
    *,
    tenant: Annotated[str, typer.Option(help="Tenant of the request.")],
    show_all: Annotated[
        bool,
        typer.Option(
            "--all", help="Show all recipients that were not reached or wait for a retry, not only the first 50."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
    file: Annotated[
        Path | None,
        typer.Option(help="File that was sent. Each recipient without a reference is then named by its line."),
    ] = None,
    column: ColumnOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    file_format: FormatOption = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            help="Write all recipients that were not reached to this file. With - the CSV is the only output."
        ),
    ] = None,
) -> None:
    """Print the roll call of a request: counts by status and reason, and the recipients that were not reached.

    Recipients that wait for a retry are listed with the last reason and provider, the attempts and the next try.

    Exit code 0 means that all recipients are accounted for: each has a final status, also if some of them failed or are
    unknown.

    The CSV has reference, recipient (masked), status, reason, error and log_id, and with --file the line. A cell that a
    spreadsheet would compute as a formula begins with an apostrophe.

    Example: rollcall report 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789 --csv missed.csv
    """
    from cli.recipients_file.read_options import read_file_options  # noqa: PLC0415
    from cli.report.report import ReportOptions, run  # noqa: PLC0415
    from cli.settings import LedgerAddress, load  # noqa: PLC0415

    form = read_file_options(file_format, encoding, delimiter, column)
    options = ReportOptions(show_all=show_all, as_json=as_json, csv=csv, file=file, form=form)
    options.check()
    if not run(load(LedgerAddress), tenant, request_id, options).accounted:
        raise typer.Exit(EXIT_FAILED)
