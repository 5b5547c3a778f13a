"""`rollcall logs`: deliveries, one by one, from the ledger."""

from typing import Annotated

import typer

from schemas.statuses import Channel, Status


def logs(  # noqa: PLR0913  # an option each
    *,
    tenant: Annotated[str, typer.Option(help="The tenant whose deliveries they are.")],
    user: Annotated[str | None, typer.Option(help="Only those of this user.")] = None,
    channel: Annotated[Channel | None, typer.Option(help="Only those of this channel.")] = None,
    status: Annotated[list[Status] | None, typer.Option(help="Only those of this status; may be repeated.")] = None,
    request: Annotated[str | None, typer.Option(help="Only those of this request id.")] = None,
    reference: Annotated[str | None, typer.Option(help="Only those of this reference.")] = None,
    recipient: Annotated[
        str | None,
        typer.Option(help="Only those to this address; - reads it from standard input. Needs the sealing keys."),
    ] = None,
    accepted_from: Annotated[
        str | None, typer.Option("--from", help="Accepted then or later, such as 2026-01-31T09:00:00+08:00.")
    ] = None,
    accepted_before: Annotated[str | None, typer.Option("--to", help="Accepted before, likewise.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    content: Annotated[
        bool,
        typer.Option("--content", help="Show the texts too, as each was sent. Needs the sealing keys."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line instead of a table.")] = False,
) -> None:
    """Show deliveries, those of the newest requests first, pending ones included. Addresses are masked.

    Example: rollcall logs --tenant tnt_xyz789 --status failed --from 2026-01-31T00:00:00+08:00 --limit 200
    """
    from cli.print_logs import LogsOptions, run  # noqa: PLC0415
    from cli.send.request_options import read_moment  # noqa: PLC0415

    wanted = LogsOptions(
        tenant=tenant,
        user=user,
        channel=channel,
        statuses=frozenset(status or ()),
        request=request,
        reference=reference,
        recipient=recipient,
        accepted_from=read_moment("--from", accepted_from),
        accepted_before=read_moment("--to", accepted_before),
        limit=limit,
        content=content,
        as_json=as_json,
    )
    run(wanted)
