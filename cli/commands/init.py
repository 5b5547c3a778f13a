"""`rollcall init`: a file of settings with fresh secrets."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    *,
    file: Annotated[Path, typer.Option(help="Where to write it; what exists is never overwritten.")] = Path(".env"),
) -> None:
    """Write a file of settings with fresh secrets, for a first start.

    It serves a shell (`set -a; . ./.env; set +a`) and Docker Compose alike; no command reads it by itself.

    Example: rollcall init --file .env
    """
    from cli.admin.init import create, next_steps  # noqa: PLC0415
    from cli.console import program  # noqa: PLC0415

    create(file)
    typer.echo(next_steps(file, program()))
