"""`rollcall send`: a file of recipients, published, followed, and called by name at the end."""

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import EXIT_FAILED, UsageError
from schemas.statuses import Category, Channel, OnUncertain

_FORMATS = ("csv", "jsonl")


def send(  # noqa: PLR0913  # an option each
    file: Annotated[Path, typer.Argument(help="CSV with a header row, or JSON lines; - reads a pipe.", metavar="FILE")],
    *,
    channel: Annotated[Channel, typer.Option(help="How the recipients are reached.")],
    content: Annotated[str | None, typer.Option(help="The text; {{name}} stands for a variable.")] = None,
    content_file: Annotated[Path | None, typer.Option(help="A file with the text instead.")] = None,
    template: Annotated[str | None, typer.Option(help="The code of a stored template instead.")] = None,
    subject: Annotated[str | None, typer.Option(help="Needed for e-mail without a template.")] = None,
    variable: Annotated[list[str] | None, typer.Option(help="name=value for all recipients; may be repeated.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose request it is; with --url the token says it.")] = None,
    user: Annotated[str | None, typer.Option(help="On whose behalf it is sent.")] = None,
    request_id: Annotated[
        str | None, typer.Option(help="Repeat with the same id: it goes on, and nobody is sent to twice.")
    ] = None,
    category: Annotated[Category, typer.Option(help="Marketing can be opted out of.")] = Category.TRANSACTIONAL,
    on_uncertain: Annotated[
        OnUncertain,
        typer.Option(help="What to do when it is not known whether a message was taken."),
    ] = OnUncertain.MARK_UNKNOWN,
    send_at: Annotated[str | None, typer.Option(help="Not before, such as 2026-01-31T09:00:00+08:00.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="Not after, likewise.")] = None,
    reply_topic: Annotated[str | None, typer.Option(help="Where the result events go instead.")] = None,
    file_format: Annotated[
        str | None,
        typer.Option("--format", help="csv or jsonl; without it the file's name or its first line decides."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Read and judge the whole file, publish nothing; exit 1 if some would fail."),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to follow what becomes of it.")] = True,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow it for; 0: to the end.")] = 0,
    allow_failed: Annotated[bool, typer.Option("--allow-failed", help="Exit 0 also when some failed.")] = False,
    url: Annotated[str | None, typer.Option(help="Send through the HTTP service here, in one call.")] = None,
    token: Annotated[str | None, typer.Option(envvar="ROLLCALL_TOKEN", help="The bearer token for --url.")] = None,
) -> None:
    """Send to a file of recipients, follow it, and call the roll.

    CSV has a column `to`, perhaps `reference`; every other column is a variable, and an empty cell is one that is not
    given. A line of JSON is an address, or an object with `to`, `variables` and `reference`.

    Nothing is published while a line cannot be used, such as one without an address, or while no recipient gives a
    variable of the text; each is named. An address that is none, or a variable that some do not give, fails for those
    alone, and they are named at the end. Exit 0 when all are accounted for and none failed.

    Example: rollcall send people.csv --channel sms --content "Hello {{name}}" --tenant tnt_xyz789
    """
    from cli.send.request_options import read_content, read_moment, read_variables  # noqa: PLC0415
    from cli.send.send import SendOptions, run  # noqa: PLC0415

    fields = {
        "channel": channel,
        "content": read_content(content, content_file),
        "template": template,
        "subject": subject,
        "variables": read_variables(variable or ()),
        "user_id": user,
        "category": category,
        "on_uncertain": on_uncertain,
        "send_at": read_moment("--send-at", send_at),
        "expires_at": read_moment("--expires-at", expires_at),
        "reply_topic": reply_topic,
    }
    options = SendOptions(
        file=file,
        row_format=_format(file_format),
        fields=fields,
        tenant=tenant,
        request_id=request_id,
        dry_run=dry_run,
        wait=wait,
        timeout_seconds=timeout or None,
        url=url,
        token=token,
    )
    summary = run(options)
    if summary and not (summary.accounted and (allow_failed or not summary.failures)):
        raise typer.Exit(EXIT_FAILED)


def _format(name: str | None) -> str | None:
    if name is not None and name not in _FORMATS:
        raise UsageError(f"--format: is one of {', '.join(_FORMATS)}")
    return name
