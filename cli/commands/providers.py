"""`rollcall providers`: check of the configured providers, and the list of those of the running consumers."""

import typer

from cli.errors import CommandError

providers = typer.Typer(
    name="providers", help="Check the configured providers, and list those of the consumers.", no_args_is_help=True
)


@providers.command(
    "check",
    epilog="Exit codes: 0 all providers can be used. 1 a provider cannot be used. 2 settings are missing or wrong.",
)
def check() -> None:
    """Check each configured provider, as far as that is possible without sending.

    Example: rollcall providers check
    """
    from cli.admin.check_providers import run  # noqa: PLC0415
    from cli.settings import load  # noqa: PLC0415
    from providers.settings import ProviderSettings  # noqa: PLC0415

    if failures := run(load(ProviderSettings)):
        count = "1 provider" if failures == 1 else f"{failures} providers"
        raise CommandError(f"{count} cannot be used. Correct the entry in the settings, or start the service it names.")


@providers.command("list", epilog="Exit codes: 0 the list is printed. 1 MongoDB does not answer.")
def list_() -> None:
    """List the providers as the running consumers report them, with the state of each.

    Example: rollcall providers list
    """
    from cli.admin.list_providers import run  # noqa: PLC0415
    from cli.settings import LedgerAddress, load  # noqa: PLC0415

    run(load(LedgerAddress))
