"""`rollcall suppressions`: addresses of a tenant that must not be written to."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.file_options import ColumnOption, DelimiterOption, EncodingOption, FormatOption
from cli.errors import EXIT_FAILED
from schemas.statuses import Channel, SuppressionReason

_USAGE = "2 options or settings are missing or contradict each other"

suppressions = typer.Typer(
    name="suppressions",
    help="Manage the addresses of a tenant that must not be written to.",
    no_args_is_help=True,
)

TenantOption = Annotated[str, typer.Option(help="Tenant of the addresses.")]
ChannelOption = Annotated[Channel, typer.Option(help="Channel of the address.")]
ScopeHelp = "all, category:marketing or list:NAME."
RegionOption = Annotated[
    str | None,
    typer.Option(help="Country (ISO 3166) of a phone number without +. The default is ROLLCALL_DEFAULT_REGION."),
]
RecipientArgument = Annotated[
    str, typer.Argument(metavar="RECIPIENT", help="Phone number or e-mail address. - reads it from standard input.")
]


@suppressions.command("add", epilog=f"Exit codes: 0 in effect, now or earlier. 1 error. {_USAGE}.")
def add(  # noqa: PLR0913  # one parameter per option
    recipient: RecipientArgument,
    *,
    tenant: TenantOption,
    channel: ChannelOption,
    reason: Annotated[SuppressionReason, typer.Option(help="Reason of the entry.")] = SuppressionReason.MANUAL,
    scope: Annotated[str, typer.Option(help=f"Messages that are stopped: {ScopeHelp}")] = "all",
    until: Annotated[
        str | None, typer.Option(help="Time from which the entry counts no more, such as 2027-01-31T09:00:00+08:00.")
    ] = None,
    region: RegionOption = None,
) -> None:
    """Add an entry to an address. The first one of a tenant takes 8 s, until all consumers look for it.

    A message whose window is open may still be sent once. All later ones are `suppressed`.

    Example: rollcall suppressions add wei@example.com --channel email --tenant tnt_xyz789 --reason opted_out
    """
    from cli.suppressions.one_address import run_add  # noqa: PLC0415

    fields = {"channel": channel, "reason": reason, "scope": scope, "until": until, "region": region}
    run_add(tenant, recipient, fields)


@suppressions.command("remove", epilog=f"Exit codes: 0 removed, or none found. 1 error. {_USAGE}.")
def remove(  # noqa: PLR0913  # one parameter per option
    recipient: RecipientArgument,
    *,
    tenant: TenantOption,
    channel: ChannelOption,
    reason: Annotated[SuppressionReason | None, typer.Option(help="Only entries with this reason.")] = None,
    scope: Annotated[str | None, typer.Option(help=f"Only entries with this scope: {ScopeHelp}")] = None,
    region: RegionOption = None,
) -> None:
    """Remove the entries of an address, so that it gets messages again.

    Example: rollcall suppressions remove wei@example.com --channel email --tenant tnt_xyz789 --reason bounced
    """
    from cli.suppressions.one_address import run_remove  # noqa: PLC0415

    run_remove(tenant, recipient, {"channel": channel, "reason": reason, "scope": scope, "region": region})


@suppressions.command("list", epilog=f"Exit codes: 0 shown, or none found. 1 error. {_USAGE}.")
def list_(  # noqa: PLR0913  # one parameter per option
    *,
    tenant: TenantOption,
    channel: Annotated[Channel | None, typer.Option(help="Only addresses of this channel.")] = None,
    reason: Annotated[SuppressionReason | None, typer.Option(help="Only entries with this reason.")] = None,
    scope: Annotated[str | None, typer.Option(help=f"Only entries with this scope: {ScopeHelp}")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of entries.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line instead of a table.")] = False,
) -> None:
    """Show entries. Addresses are masked.

    Example: rollcall suppressions list --tenant tnt_xyz789 --reason complained
    """
    from cli.suppressions.show import EntryFilter, run_list  # noqa: PLC0415

    run_list(tenant, EntryFilter(channel, reason, scope), limit, as_json=as_json)


@suppressions.command("export", epilog=f"Exit codes: 0 all printed. 1 error. {_USAGE}.")
def export(*, tenant: TenantOption) -> None:
    """Print every entry with its whole address, one JSON object per line. `import` reads this form.

    Example: rollcall suppressions export --tenant tnt_xyz789 > suppressions.jsonl
    """
    from cli.suppressions.show import run_export  # noqa: PLC0415

    run_export(tenant)


@suppressions.command(
    "import", epilog=f"Exit codes: 0 every line is taken. 1 error, or some lines are not taken. {_USAGE}."
)
def import_(  # noqa: PLR0913  # one parameter per option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or JSON file, or - for standard input.")],
    *,
    tenant: TenantOption,
    channel: Annotated[Channel | None, typer.Option(help="Channel of the lines that name none.")] = None,
    reason: Annotated[SuppressionReason | None, typer.Option(help="Reason of the lines that name none.")] = None,
    scope: Annotated[str, typer.Option(help=f"Scope of the lines that name none: {ScopeHelp}")] = "all",
    source: Annotated[str, typer.Option(help="Origin of the lines that name none, such as old-system.")] = "import",
    region: RegionOption = None,
    column: ColumnOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    file_format: FormatOption = None,
) -> None:
    """Add an entry for each line of a file of any size.

    CSV needs a column `to`, and may have `channel`, `reason`, `scope`, `source`, `since`, `until` and `region`. All
    other columns are not used. JSON is an array, or one value a line. A value is an address, or an object as `export`
    prints it.

    Good lines are taken. Each line that is wrong is named with its number. A second run adds the rest, and changes no
    entry.

    Example: rollcall suppressions import opted-out.csv --tenant tnt_xyz789 --channel email --reason opted_out
    """
    from cli.recipients_file.read_options import read_file_options  # noqa: PLC0415
    from cli.suppressions.import_file import run  # noqa: PLC0415

    given = {"channel": channel, "reason": reason, "scope": scope, "source": source, "region": region}
    defaults = {name: str(value) for name, value in given.items() if value is not None}
    if not run(tenant, file, read_file_options(file_format, encoding, delimiter, column), defaults):
        raise typer.Exit(EXIT_FAILED)
