"""`rollcall watch`: a request followed until all of it has ended."""

from typing import Annotated

import typer

from cli.errors import EXIT_FAILED


def watch(
    request_id: Annotated[str, typer.Argument(help="The id that `send` printed, or that came back over HTTP.")],
    *,
    tenant: Annotated[str, typer.Option(help="The tenant whose request it is.")],
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow it for; 0: to the end.")] = 0,
    allow_failed: Annotated[bool, typer.Option("--allow-failed", help="Exit 0 also when some failed.")] = False,
) -> None:
    """Follow a request in the ledger until it is completed, and call the roll.

    A request that no consumer has taken up yet is waited for a little. Exit 0 when all are accounted for and none
    failed.

    Example: rollcall watch 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789
    """
    from cli.settings import LedgerAddress, load  # noqa: PLC0415
    from cli.tracking.watch import run  # noqa: PLC0415

    summary = run(load(LedgerAddress), tenant, request_id, timeout=timeout or None)
    if not summary.accounted or (summary.failures and not allow_failed):
        raise typer.Exit(EXIT_FAILED)
