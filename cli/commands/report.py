"""`rollcall report`: what became of a request, from the ledger."""

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import EXIT_FAILED


def report(
    request_id: Annotated[str, typer.Argument(help="The id that `send` printed, or that came back over HTTP.")],
    *,
    tenant: Annotated[str, typer.Option(help="The tenant whose request it is.")],
    show_all: Annotated[
        bool,
        typer.Option("--all", help="Show all who were not reached, not only the first 50."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write all who were not reached to a file; - for standard output, and nothing else."),
    ] = None,
) -> None:
    """Show the counts by status and reason, and who did not get it. Exit 0 when all are accounted for.

    The CSV has reference, recipient (masked), status, reason, error and log_id; a cell that a spreadsheet would compute
    begins with an apostrophe.

    Example: rollcall report 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789 --csv missed.csv
    """
    from cli.report.report import ReportOptions, run  # noqa: PLC0415
    from cli.settings import LedgerAddress, load  # noqa: PLC0415

    form = ReportOptions(show_all=show_all, as_json=as_json, csv=csv)
    form.check()
    if not run(load(LedgerAddress), tenant, request_id, form).accounted:
        raise typer.Exit(EXIT_FAILED)
