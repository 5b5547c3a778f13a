"""`rollcall dead-letters`: the records that consumers could not use."""

from typing import Annotated

import typer

from cli.errors import EXIT_FAILED
from schemas.statuses import RejectionReason

dead_letters = typer.Typer(name="dead-letters", help="Records that could not be used.", no_args_is_help=True)


@dead_letters.command("list", epilog="Exit codes: 0 shown, also when there is none; 1 it failed; 2 wrong options.")
def list_letters(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest.")] = 20,
    reason: Annotated[RejectionReason | None, typer.Option(help="Only those refused for this.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line instead of a table.")] = False,
) -> None:
    """List the newest dead letters, newest first: where each came from, and why it was refused.

    Example: rollcall dead-letters list --reason invalid_schema --limit 100
    """
    from cli.dead_letters.show import run_list  # noqa: PLC0415
    from cli.settings import load  # noqa: PLC0415
    from config.settings import CommonSettings  # noqa: PLC0415

    run_list(load(CommonSettings), limit=limit, reason=reason, as_json=as_json)


@dead_letters.command(
    "show",
    epilog="Exit codes: 0 shown; 1 it failed, or no sealing key opens it; 2 wrong options; 3 there is none such.",
)
def show(
    place: Annotated[
        str,
        typer.Argument(help="The record's origin, topic/partition/offset, or the letter's own partition/offset."),
    ],
    *,
    reveal: Annotated[
        bool,
        typer.Option("--reveal", help="Unseal it and print it, addresses and texts too. Needs the sealing keys."),
    ] = False,
) -> None:
    """Show one dead letter: its headers and size and, only when asked to, the record that is sealed in it.

    Example: rollcall dead-letters show communication.bulk.requests/3/1042 --reveal
    """
    from cli.dead_letters.show import run_show  # noqa: PLC0415
    from cli.settings import load  # noqa: PLC0415
    from config.settings import CommonSettings  # noqa: PLC0415

    run_show(load(CommonSettings), place, reveal=reveal)


@dead_letters.command(
    "replay",
    epilog="Exit codes: 0 published again, also when there was none; 1 it failed, or some could not be published; "
    "2 wrong options; 3 there is none such.",
)
def replay(
    places: Annotated[
        list[str] | None,
        typer.Argument(help="Records by their origin, topic/partition/offset, or letters by their partition/offset."),
    ] = None,
    *,
    reason: Annotated[
        RejectionReason | None, typer.Option(help="All that were refused for this, oldest first.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="With --reason: how many of the newest.")] = 100,
    force: Annotated[bool, typer.Option("--force", help="Also what would be refused again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be published, publish nothing.")] = False,
) -> None:
    """Publish records again once the cause is mended: a key given back, a template stored, a topic allowed.

    Each goes to the topic that it came from, with its key and headers. It is the same request again: one that names no
    id gets that of its first record. So nobody is sent to twice, however often a letter is replayed.

    Example: rollcall dead-letters replay --reason unknown_template --limit 500
    """
    from cli.dead_letters.replay import ReplayOptions, run  # noqa: PLC0415

    if run(ReplayOptions(places or (), reason, limit, force, dry_run)):
        raise typer.Exit(EXIT_FAILED)
