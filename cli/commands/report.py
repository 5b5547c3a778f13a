"""`rollcall report`: what became of a request, from the ledger."""

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
) -> None:
    """Show the counts by status and reason, and who did not get it. Exit 0 when all are accounted for.

    Example: rollcall report 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789
    """
    from cli.report import run  # noqa: PLC0415
    from cli.settings import LedgerAddress, load  # noqa: PLC0415

    if not run(load(LedgerAddress), tenant, request_id, show_all=show_all).accounted:
        raise typer.Exit(EXIT_FAILED)
