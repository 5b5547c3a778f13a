"""`rollcall doctor`: problems of this installation, and how to fix them."""

import typer

from cli.errors import EXIT_FAILED


def doctor() -> None:
    """Find problems of this installation, and print how to fix them.

    It checks the settings of each service, Kafka and its topics, MongoDB and its indexes, and the providers. It changes
    nothing and sends nothing. For the machine and the local stack for development, use `make doctor`.

    Example: rollcall doctor
    """
    from cli.admin.doctor import run  # noqa: PLC0415

    if not run():
        raise typer.Exit(EXIT_FAILED)
