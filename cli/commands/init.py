"""`rollcall init`: a settings file with new secrets."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    *,
    file: Annotated[Path, typer.Option(help="File to write. An existing file is never overwritten.")] = Path(".env"),
) -> None:
    """Write a settings file with new secrets, for a first start.

    A shell can load it (`set -a; . ./.env; set +a`), and Docker Compose reads it. rollcall itself does not read it.

    Example: rollcall init --file .env
    """
    from cli.admin.init import next_steps, write_environment_file  # noqa: PLC0415
    from cli.console import program_name  # noqa: PLC0415

    write_environment_file(file)
    typer.echo(next_steps(file, program_name()))
