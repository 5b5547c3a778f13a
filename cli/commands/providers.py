"""`rollcall providers`: check and list of the configured providers, and of those that a tenant manages itself."""

from typing import Annotated

import typer

from cli.errors import CommandError

providers = typer.Typer(
    name="providers",
    help="Check and list the configured providers, or those that a tenant manages itself.",
    no_args_is_help=True,
)

TenantOption = Annotated[
    str | None, typer.Option(help="Tenant whose own providers are meant. Without it, those of the settings.")
]


@providers.command(
    "check",
    epilog="Exit codes: 0 all providers can be used. 1 a provider cannot be used. 2 settings are missing or wrong.",
)
def check(*, tenant: TenantOption = None) -> None:
    """Check each configured provider, as far as that is possible without sending.

    With --tenant, check the providers that the tenant manages itself, as a consumer would. This needs the sealing keys.

    Example: rollcall providers check --tenant tnt_xyz789
    """
    from cli.admin.check_providers import run  # noqa: PLC0415
    from cli.settings import load  # noqa: PLC0415
    from cli.tenants.own_providers import run_check  # noqa: PLC0415
    from providers.settings import ProviderSettings  # noqa: PLC0415

    if failures := run(load(ProviderSettings)) if tenant is None else run_check(tenant):
        count = "1 provider" if failures == 1 else f"{failures} providers"
        if tenant is not None:
            raise CommandError(f"{count} cannot be used. The tenant corrects its configuration.")
        raise CommandError(f"{count} cannot be used. Correct the entry in the settings, or start the service it names.")


@providers.command(
    "list", epilog="Exit codes: 0 the list is printed. 1 MongoDB does not answer. 2 settings are missing or wrong."
)
def list_(
    *,
    tenant: TenantOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """List the providers as the running consumers report them, with the state of each.

    With --tenant, list the stored providers that the tenant manages itself. No secret of them is shown. This needs the
    sealing keys.

    Example: rollcall providers list --tenant tnt_xyz789
    """
    from cli.admin.list_providers import run  # noqa: PLC0415
    from cli.settings import LedgerAddress, load  # noqa: PLC0415
    from cli.tenants.own_providers import run_list  # noqa: PLC0415

    if tenant is None:
        run(load(LedgerAddress), as_json=as_json)
    else:
        run_list(tenant, as_json=as_json)
