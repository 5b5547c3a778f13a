"""`rollcall resend`: what is unknown or failed of a request, sent again as a new one."""

from typing import Annotated

import typer

from cli.errors import EXIT_FAILED, UsageError
from schemas.statuses import Status


def resend(  # noqa: PLR0913  # an option each
    request: Annotated[str, typer.Argument(help="The id of the request.", metavar="REQUEST")],
    *,
    tenant: Annotated[str, typer.Option(help="The tenant whose request it is.")],
    unknown: Annotated[bool, typer.Option("--unknown", help="What may or may not have been sent.")] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="What failed, save where the same would fail again.")
    ] = False,
    expires_at: Annotated[
        str | None, typer.Option(help="Not after; needed where the request's own time is over.")
    ] = None,
    request_id: Annotated[
        str | None, typer.Option(help="An id for the new request; without it one that follows from what is chosen.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, publish nothing.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow it for; 0: to the end.")] = 0,
) -> None:
    """Send again what is unknown or failed of a completed request, follow it, and call the roll.

    It is a new request that names the old one, and each of its deliveries the log of the one that it repeats. The text,
    the variables and the addresses are those of then. Each delivery is sent again once at most, by one such request:
    the same command, given twice or after an interruption, goes on with the same request. What fails in that one is
    sent again by its own id.

    Example: rollcall resend 0198c0de-0000-7000-8000-000000000000 --tenant tnt_xyz789 --failed
    """
    from cli.resend import ResendOptions, run  # noqa: PLC0415
    from cli.send.request_options import read_moment  # noqa: PLC0415

    if unknown == failed:
        raise UsageError("one of --unknown and --failed is needed")
    wanted = ResendOptions(
        request=request,
        tenant=tenant,
        status=Status.UNKNOWN if unknown else Status.FAILED,
        expires_at=read_moment("--expires-at", expires_at),
        request_id=request_id,
        yes=yes,
        dry_run=dry_run,
        timeout_seconds=timeout or None,
    )
    summary = run(wanted)
    if summary and not (summary.accounted and not summary.failures):
        raise typer.Exit(EXIT_FAILED)
