"""The `rollcall` command, run in the process of the tests or in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from typer.testing import CliRunner, Result

from cli.main import app

ROLLCALL = Path(sys.executable).with_name("rollcall")
"""The command of this Python environment."""

_TIMEOUT_SECONDS = 120.0


def run_rollcall(*args: str, stdin: str | None = None, **env: str | None) -> Result:
    """Run the command in this process, which saves a second. None removes a variable.

    No ROLLCALL_* variable is inherited, so that no test depends on the shell's exports.
    """
    inherited = (name for name in os.environ if name.startswith("ROLLCALL_"))
    return CliRunner().invoke(app, args, env=dict.fromkeys(inherited) | env, input=stdin)


def run_rollcall_process(
    *args: str, env: Mapping[str, str], stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in its own process, with this environment and nothing else."""
    return subprocess.run(
        [ROLLCALL, *args], env=env, input=stdin, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
    )


def lines_with_single_spaces(text: str) -> list[str]:
    """Return the lines of printed tables without the spaces that align their columns."""
    return [" ".join(line.split()) for line in text.splitlines()]


def link_rollcall(folder: Path) -> None:
    """Put the command at `.venv/bin/rollcall` of this folder, where the documents run it."""
    bin_folder = folder / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "rollcall").symlink_to(ROLLCALL)
