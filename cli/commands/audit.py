"""`rollcall audit`: what was exported and erased, and by whom."""

from typing import Annotated

import typer

_USAGE = "2 options or settings are missing or contradict each other"

audit = typer.Typer(name="audit", help="Show exports and erasures of the data of persons.", no_args_is_help=True)


@audit.command("list", epilog=f"Exit codes: 0 shown, or none found. 1 error. {_USAGE}.")
def list_(
    *,
    tenant: Annotated[str, typer.Option(help="Tenant of the entries.")],
    before: Annotated[
        str | None, typer.Option(help="Show older entries than this time, such as 2026-02-01T09:00:00+08:00.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Maximum number of entries.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line instead of text.")] = False,
) -> None:
    """List exports and erasures, newest first: actor, time, person as a keyed hash, and counts when it is done.

    Entries have no address. Erased deliveries show the same hash. MongoDB deletes entries after three years.

    Example: rollcall audit list --tenant tnt_xyz789
    """
    from cli.send.request_options import read_timestamp  # noqa: PLC0415
    from cli.tenants.audit_log import run_list  # noqa: PLC0415

    run_list(tenant, read_timestamp("--before", before), limit, as_json=as_json)
