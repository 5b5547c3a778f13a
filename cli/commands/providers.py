"""`rollcall providers check`: the provider settings, tried as far as possible without sending."""

import typer

from cli.errors import CommandError

providers = typer.Typer(name="providers", help="The providers in the settings.", no_args_is_help=True)


@providers.callback()
def _group() -> None:
    """Keep `check` a command of its own, though it is the only one."""


@providers.command("check", epilog="Exit codes: 0 each can be used; 1 one cannot; 2 settings are missing or wrong.")
def check() -> None:
    """Try each provider of the settings as far as possible without sending; exit 1 if one is wrong.

    Example: rollcall providers check
    """
    from cli.admin.check_providers import run  # noqa: PLC0415
    from cli.settings import load  # noqa: PLC0415
    from providers.settings import ProviderSettings  # noqa: PLC0415

    if wrong := run(load(ProviderSettings)):
        raise CommandError(f"{wrong} of the providers cannot be used: correct the entry, or start what it names")
