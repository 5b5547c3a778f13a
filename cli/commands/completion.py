"""`rollcall completion`: the script that lets a shell complete commands and options."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

COMPLETION_VARIABLE = "_ROLLCALL_COMPLETE"
"""What the script sets when it asks how to complete a line."""


class Shell(StrEnum):
    """A shell that can be taught."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Which shell it is for.")]) -> None:
    """Print the script that completes commands and options.

    bash: a line in ~/.bashrc, as below. zsh: write it to _rollcall in a folder of $fpath. fish: write it to
    ~/.config/fish/completions/rollcall.fish.

    Example: eval "$(rollcall completion bash)"
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # noqa: PLC0415

    script = get_completion_script(prog_name="rollcall", complete_var=COMPLETION_VARIABLE, shell=shell.value)
    sys.stdout.write(f"{script}\n")
