"""`rollcall completion`: the script with which a shell completes commands and options."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

COMPLETION_VARIABLE = "_ROLLCALL_COMPLETE"
"""Environment variable that the script sets when it asks for completions of a line."""


class Shell(StrEnum):
    """Supported shell."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Shell that the script is for.")]) -> None:
    """Print the script that completes commands and options.

    For bash, add the line below to ~/.bashrc. For zsh, write the script to the file _rollcall in a folder of $fpath.
    For fish, write it to ~/.config/fish/completions/rollcall.fish.

    Example: eval "$(rollcall completion bash)"
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # noqa: PLC0415

    script = get_completion_script(prog_name="rollcall", complete_var=COMPLETION_VARIABLE, shell=shell.value)
    sys.stdout.write(f"{script}\n")
