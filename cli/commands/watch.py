"""`rollcall watch`: a request, followed in the ledger until it is completed."""

from typing import Annotated

import typer

from cli.errors import EXIT_FAILED


def watch(
    request_id: Annotated[str, typer.Argument(help="Id of the request, from `send` or from the HTTP answer.")],
    *,
    tenant: Annotated[str, typer.Option(help="Tenant of the request.")],
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow the request. 0 follows it to the end.")] = 0,
    allow_failed: Annotated[bool, typer.Option("--allow-failed", help="Exit code 0 also if some failed.")] = False,
) -> None:
    """Follow a request in the ledger until it is completed, and print the roll call.

    The command waits up to 15 s for a request that no consumer has expanded yet. Exit code 0 means that all recipients
    are accounted for and none failed.

    Example: rollcall watch 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789
    """
    from cli.settings import LedgerAddress, load  # noqa: PLC0415
    from cli.tracking.watch_ledger import run  # noqa: PLC0415

    summary = run(load(LedgerAddress), tenant, request_id, timeout=timeout or None)
    if not summary.accounted or (summary.failures and not allow_failed):
        raise typer.Exit(EXIT_FAILED)
