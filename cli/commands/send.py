"""`rollcall send`: a file of recipients, published, followed to its end, and reported."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.file_options import ColumnOption, DelimiterOption, EncodingOption, FormatOption
from cli.errors import EXIT_FAILED
from schemas.statuses import Category, Channel, ContentType, OnUncertain


def send(  # noqa: PLR0913  # one parameter per option
    file: Annotated[
        Path,
        typer.Argument(help="CSV with a header row, or JSON. Use - for standard input.", metavar="FILE"),
    ],
    *,
    channel: Annotated[Channel, typer.Option(help="Channel of the message.")],
    content: Annotated[str | None, typer.Option(help="Text of the message. {{name}} is a variable.")] = None,
    content_file: Annotated[Path | None, typer.Option(help="File with the text, instead of --content.")] = None,
    template: Annotated[str | None, typer.Option(help="Code of a stored template, instead of --content.")] = None,
    subject: Annotated[str | None, typer.Option(help="Subject. Required for e-mail without a template.")] = None,
    content_type: Annotated[
        ContentType | None,
        typer.Option(help="Type of the content. The default follows from the template or the beginning of the text."),
    ] = None,
    variable: Annotated[list[str] | None, typer.Option(help="name=value, for all recipients. May be repeated.")] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Tenant of the request. With --url the token names the tenant.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="User on whose behalf the messages are sent.")] = None,
    request_id: Annotated[
        str | None,
        typer.Option(
            help="Id of the request. Repeating a command with the same id continues it, and sends nothing twice."
        ),
    ] = None,
    category: Annotated[Category, typer.Option(help="Recipients can opt out of marketing.")] = Category.TRANSACTIONAL,
    mailing_list: Annotated[
        str | None, typer.Option("--list", help="Mailing list, for recipients that have opted out of it alone.")
    ] = None,
    on_uncertain: Annotated[
        OnUncertain,
        typer.Option(help="Action if a message may or may not have been sent."),
    ] = OnUncertain.MARK_UNKNOWN,
    send_at: Annotated[
        str | None, typer.Option(help="Send nothing before this time, such as 2026-01-31T09:00:00+08:00.")
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(help="Send nothing after this time, such as 2026-01-31T18:00:00+08:00.")
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Country (ISO 3166) of phone numbers without +. The default is ROLLCALL_DEFAULT_REGION."),
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="Name of the only provider that may send. Without it, the routes tell.")
    ] = None,
    secret_variable: Annotated[
        list[str] | None,
        typer.Option(help="Name of a variable with a secret value, such as a login code. May be repeated."),
    ] = None,
    keep_secret_variables: Annotated[
        bool, typer.Option("--keep-secret-variables", help="Keep the secret values, so that they can be resent.")
    ] = False,
    reply_topic: Annotated[
        str | None, typer.Option(help="Topic for the result events, instead of the default.")
    ] = None,
    reply_to: Annotated[
        str | None, typer.Option(help="Address for replies to an e-mail, such as 'Support <support@example.com>'.")
    ] = None,
    cc: Annotated[
        list[str] | None,
        typer.Option(help="Address that gets a copy of an e-mail to exactly one recipient. May be repeated."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Maximum cost of the request, such as 25.50, in the currency of the prices. Only for SMS."),
    ] = None,
    column: ColumnOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    file_format: FormatOption = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check the whole file and publish nothing. Exit code 1 if some would fail."),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the request to its end.")] = True,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to follow the request. 0 follows it to the end.")] = 0,
    allow_failed: Annotated[bool, typer.Option("--allow-failed", help="Exit code 0 also if some failed.")] = False,
    url: Annotated[
        str | None, typer.Option(help="Address of the HTTP service. Sends the file there in one call.")
    ] = None,
    token: Annotated[str | None, typer.Option(envvar="ROLLCALL_TOKEN", help="Bearer token for --url.")] = None,
) -> None:
    """Send a message to a file of recipients, follow the request, and print the roll call.

    CSV needs a column `to`, and may have columns `reference`, `region` and `timezone`. Every other column is a
    variable. An empty cell means that the variable is not given. JSON is an array, or one value a line. A value is an
    address, or an object with `to`, `variables`, `reference`, `region` and `timezone`. Delimiter, encoding and line
    ends are found.

    Nothing is published if a line cannot be used, such as one without an address, or if no recipient gives a variable
    of the text. Each such problem is printed. An invalid address, or a variable that only some recipients lack, fails
    for these recipients alone. They are listed at the end. Exit code 0 means that all are accounted for and none
    failed.

    Example: rollcall send people.csv --channel sms --content "Hello {{name}}" --tenant tnt_xyz789
    """
    from cli.recipients_file.read_options import read_file_options  # noqa: PLC0415
    from cli.send.request_options import read_content, read_timestamp, read_variables  # noqa: PLC0415
    from cli.send.send import SendOptions, run  # noqa: PLC0415

    fields = {
        "channel": channel,
        "content": read_content(content, content_file),
        "template": template,
        "subject": subject,
        "variables": read_variables(variable or ()),
        "user_id": user,
        "category": category,
        "list": mailing_list,
        "on_uncertain": on_uncertain,
        "send_at": read_timestamp("--send-at", send_at),
        "expires_at": read_timestamp("--expires-at", expires_at),
        "reply_topic": reply_topic,
        "content_type": content_type,
        "region": region,
        "provider": provider,
        "secret_variables": secret_variable or None,
        "keep_secret_variables": keep_secret_variables or None,
        "reply_to": reply_to,
        "cc": cc,
        "budget": budget,
    }
    options = SendOptions(
        file=file,
        form=read_file_options(file_format, encoding, delimiter, column),
        fields=fields,
        tenant=tenant,
        request_id=request_id,
        dry_run=dry_run,
        wait=wait,
        timeout_seconds=timeout or None,
        url=url,
        token=token,
    )
    if (summary := run(options)) and not (summary.accounted and (allow_failed or not summary.failures)):
        raise typer.Exit(EXIT_FAILED)
