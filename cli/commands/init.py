"""`rollcall init`: a settings file with new secrets."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def init(
    *,
    file: Annotated[Path, typer.Option(help="File to write. An existing file is never overwritten.")] = Path(".env"),
    region: Annotated[
        str | None,
        typer.Option(help="Country (ISO 3166) of phone numbers without +, such as CN. A terminal is asked for it."),
    ] = None,
) -> None:
    """Write a settings file with new secrets, for a first start.

    A shell can load it (`set -a; . ./.env; set +a`), and Docker Compose reads it. rollcall itself does not read it.

    Example: rollcall init --region CN
    """
    from cli.admin.init import checked_region, next_steps, write_environment_file  # noqa: PLC0415
    from cli.plain_output import program_name  # noqa: PLC0415

    if region is None and sys.stdin.isatty():
        question = "Country of phone numbers without +, such as CN (empty: such numbers are not valid)"
        region = typer.prompt(question, default="", show_default=False)
    country = checked_region(region or "")
    write_environment_file(file, country)
    typer.echo(next_steps(file, program_name(), country))
