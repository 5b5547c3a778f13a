"""`rollcall tenant`: the settings of a tenant."""

from typing import Annotated

import typer

_USAGE = "2 options or settings are missing or contradict each other"

tenant = typer.Typer(name="tenant", help="Show and change the settings of a tenant.", no_args_is_help=True)

TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="Id of the tenant.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@tenant.command("show", epilog=f"Exit codes: 0 shown. 1 error. {_USAGE}.")
def show(tenant_id: TenantArgument, *, as_json: AsJson = False) -> None:
    """Show the settings of a tenant, the bounds of the operator, and what is in effect.

    A tenant without settings has the defaults.

    Example: rollcall tenant show tnt_xyz789
    """
    from cli.tenants.manage import run_show  # noqa: PLC0415

    run_show(tenant_id, as_json=as_json)


@tenant.command("set", epilog=f"Exit codes: 0 stored. 1 error. {_USAGE}, or a value is wrong or above the bound.")
def set_(
    tenant_id: TenantArgument,
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="SETTING=VALUE...", help="Settings to change, such as limits.sms.max_per_min=600. none: without it."
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Change settings of a tenant, and show all of them. Running services use the change within 10 s.

    A limit is a whole number. It may not be above the bound of the operator (ROLLCALL_TENANT_SMS_MAX_PER_MIN and
    others), which this command reads from its environment. A send window is a begin and an end, such as 09:00-20:00,
    and a time zone is an IANA name.

    With marketing.require_opt_out=true, a marketing e-mail without a link to unsubscribe is refused. With
    marketing.postal_address, one that does not show this address is refused.

    Example: rollcall tenant set tnt_xyz789 limits.sms.max_per_min=600 send_window.marketing=09:00-20:00
    """
    from cli.tenants.manage import run_set  # noqa: PLC0415

    run_set(tenant_id, assignments, as_json=as_json)
