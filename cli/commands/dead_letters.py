"""`rollcall dead-letters`: records that consumers rejected."""

from typing import Annotated

import typer

from cli.errors import EXIT_FAILED
from schemas.statuses import RejectionReason

dead_letters = typer.Typer(name="dead-letters", help="Show and replay rejected records.", no_args_is_help=True)


@dead_letters.command("list", epilog="Exit codes: 0 shown, or none found. 1 error. 2 wrong options.")
def list_letters(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of dead letters.")] = 20,
    reason: Annotated[
        RejectionReason | None, typer.Option(help="Only records that were rejected for this reason.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line instead of a table.")] = False,
) -> None:
    """List the newest dead letters, newest first: reason, fields, tenant, request, origin, and whether it was replayed.

    Example: rollcall dead-letters list --reason invalid_schema --limit 100
    """
    from cli.dead_letters.show import run_list  # noqa: PLC0415
    from cli.settings import load  # noqa: PLC0415
    from config.settings import CommonSettings  # noqa: PLC0415

    run_list(load(CommonSettings), limit=limit, reason=reason, as_json=as_json)


@dead_letters.command(
    "show",
    epilog="Exit codes: 0 shown. 1 error, or no sealing key opens it. 2 wrong options. 3 dead letter not found.",
)
def show(
    place: Annotated[
        str,
        typer.Argument(help="The record's origin, topic/partition/offset, or the dead letter's own partition/offset."),
    ],
    *,
    reveal: Annotated[
        bool,
        typer.Option(
            "--reveal", help="Decrypt and print the record, with addresses and texts. Needs the sealing keys."
        ),
    ] = False,
) -> None:
    """Show one dead letter with its headers and size. With --reveal, also show the record that is sealed in it.

    Example: rollcall dead-letters show communication.bulk.requests/3/1042 --reveal
    """
    from cli.dead_letters.show import run_show  # noqa: PLC0415
    from cli.settings import load  # noqa: PLC0415
    from config.settings import CommonSettings  # noqa: PLC0415

    run_show(load(CommonSettings), place, reveal=reveal)


@dead_letters.command(
    "replay",
    epilog="Exit codes: 0 published again, or none found. 1 error, or some could not be published. "
    "2 wrong options. 3 dead letter not found.",
)
def replay(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            help="Records by their origin, topic/partition/offset, or dead letters by their partition/offset."
        ),
    ] = None,
    *,
    reason: Annotated[
        RejectionReason | None, typer.Option(help="All records that were rejected for this reason, oldest first.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="With --reason: maximum number, the newest are taken.")
    ] = 100,
    force: Annotated[bool, typer.Option("--force", help="Also records that would be rejected again.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be published, and publish nothing.")
    ] = False,
) -> None:
    """Publish rejected records again after the cause is fixed, such as a missing key, template or allowed topic.

    Each record goes to the topic that it came from, with its key and headers. It is the same request again. A record
    without a request id gets the id of its first publication. Replaying it several times sends nothing twice.

    Example: rollcall dead-letters replay --reason unknown_template --limit 500
    """
    from cli.dead_letters.replay import ReplayOptions, run  # noqa: PLC0415

    if run(ReplayOptions(places or (), reason, limit, force, dry_run)):
        raise typer.Exit(EXIT_FAILED)
