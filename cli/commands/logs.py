"""`rollcall logs`: single deliveries from the ledger."""

from typing import Annotated

import typer

from schemas.statuses import Channel, Status


def logs(  # noqa: PLR0913  # one parameter per option
    *,
    tenant: Annotated[str, typer.Option(help="Tenant of the deliveries.")],
    user: Annotated[str | None, typer.Option(help="Only deliveries of this user.")] = None,
    channel: Annotated[Channel | None, typer.Option(help="Only deliveries of this channel.")] = None,
    status: Annotated[
        list[Status] | None, typer.Option(help="Only deliveries with this status. May be repeated.")
    ] = None,
    request: Annotated[str | None, typer.Option(help="Only deliveries of this request id.")] = None,
    reference: Annotated[str | None, typer.Option(help="Only deliveries with this reference.")] = None,
    recipient: Annotated[
        str | None,
        typer.Option(
            help="Only deliveries to this address. Use - to read it from standard input. Needs the sealing keys."
        ),
    ] = None,
    accepted_from: Annotated[
        str | None, typer.Option("--from", help="Accepted at this time or later, such as 2026-01-31T09:00:00+08:00.")
    ] = None,
    accepted_before: Annotated[
        str | None, typer.Option("--to", help="Accepted before this time, such as 2026-02-01T09:00:00+08:00.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of deliveries.")] = 50,
    content: Annotated[
        bool,
        typer.Option("--content", help="Also show the text that was sent. Needs the sealing keys."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line instead of a table.")] = False,
) -> None:
    """Show deliveries, also pending ones. The newest requests come first. Addresses are masked.

    Example: rollcall logs --tenant tnt_xyz789 --status failed --from 2026-01-31T00:00:00+08:00 --limit 200
    """
    from cli.print_logs import LogsOptions, run  # noqa: PLC0415
    from cli.send.request_options import read_timestamp  # noqa: PLC0415

    options = LogsOptions(
        tenant=tenant,
        user=user,
        channel=channel,
        statuses=frozenset(status or ()),
        request=request,
        reference=reference,
        recipient=recipient,
        accepted_from=read_timestamp("--from", accepted_from),
        accepted_before=read_timestamp("--to", accepted_before),
        limit=limit,
        content=content,
        as_json=as_json,
    )
    run(options)
