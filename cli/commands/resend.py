"""`rollcall resend`: the unknown or failed deliveries of a request, sent again as a new request."""

from typing import Annotated

import typer

from cli.errors import EXIT_FAILED, UsageError
from schemas.statuses import Status


def resend(  # noqa: PLR0913  # one parameter per option
    request: Annotated[str, typer.Argument(help="Id of the request.", metavar="REQUEST")],
    *,
    tenant: Annotated[str, typer.Option(help="Tenant of the request.")],
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Resend deliveries that may or may not have been sent.")
    ] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Resend failed deliveries, except those that would fail again.")
    ] = False,
    expires_at: Annotated[
        str | None,
        typer.Option(help="Send nothing after this time. Required if the request's own expires_at has passed."),
    ] = None,
    request_id: Annotated[
        str | None, typer.Option(help="Id of the new request. The default is derived from the selected deliveries.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent, and publish nothing.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow the request. 0 follows it to the end.")] = 0,
) -> None:
    """Send the unknown or failed deliveries of a completed request again, follow them, and print the roll call.

    This creates a new request, which names the old one. Each new delivery names the log of the delivery that it
    repeats. Text, variables and addresses are those of the old request. Each delivery is sent again at most once. The
    same command, given twice or after an interruption, continues the same new request. To resend what fails in the new
    request, use its id.

    Example: rollcall resend 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789 --failed
    """
    from cli.resend import ResendOptions, run  # noqa: PLC0415
    from cli.send.request_options import read_timestamp  # noqa: PLC0415

    if unknown == failed:
        raise UsageError("--unknown or --failed: exactly one of them is required.")
    options = ResendOptions(
        request=request,
        tenant=tenant,
        status=Status.UNKNOWN if unknown else Status.FAILED,
        expires_at=read_timestamp("--expires-at", expires_at),
        request_id=request_id,
        yes=yes,
        dry_run=dry_run,
        timeout_seconds=timeout or None,
    )
    summary = run(options)
    if summary and not (summary.accounted and not summary.failures):
        raise typer.Exit(EXIT_FAILED)
