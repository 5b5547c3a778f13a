"""`rollcall doctor`: what this installation lacks, and what mends it."""

import typer

from cli.errors import EXIT_FAILED


def doctor() -> None:
    """Check the settings of each service, Kafka and its topics, MongoDB and its indexes, and the providers.

    Nothing is changed and nothing is sent; each lack comes with what mends it. The machine and the local stack for
    development are `make doctor`'s.

    Example: rollcall doctor
    """
    from cli.admin.doctor import run  # noqa: PLC0415

    if not run():
        raise typer.Exit(EXIT_FAILED)
