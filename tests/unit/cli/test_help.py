"""Every command, walked over: its help shows an example of itself and says how it ends; a shell can complete it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.main import app

ROLLCALL = Path(sys.executable).with_name("rollcall")


def commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """The path of every command that is no group."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path
        return
    for name, one in inner.items():
        yield from commands(one, *path, name)


ALL = list(commands(get_command(app)))


def helped(path: tuple[str, ...]) -> str:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    return " ".join(result.stdout.replace("│", " ").split())


def test_there_are_as_many_as_are_documented() -> None:
    names = {path[0] for path in ALL}
    assert names == {
        *(
            "init",
            "setup",
            "producer",
            "consumer",
            "send",
            "watch",
            "report",
            "cancel",
            "pause",
            "resume",
            "resend",
            "logs",
            "template",
            "providers",
        ),
        *("dead-letters", "token", "doctor", "completion"),
    }


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_help_shows_an_example_of_the_command(path: tuple[str, ...]) -> None:
    assert f"rollcall {' '.join(path)}" in helped(path).partition("Example:")[2]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_help_says_how_it_ends(path: tuple[str, ...]) -> None:
    said = helped(path).partition("Exit codes: ")[2]
    assert said.startswith("0 ")
    assert said.endswith(".")


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_an_option_that_is_none_is_a_usage_error(path: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, [*path, "--no-such-option"]).exit_code == 2


def test_it_says_its_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"rollcall {version('rollcall')}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_taught(shell: str) -> None:
    result = CliRunner().invoke(app, ["completion", shell])
    assert result.exit_code == 0
    assert "_ROLLCALL_COMPLETE" in result.stdout


def test_a_bash_that_was_taught_completes_commands_and_options(tmp_path: Path) -> None:
    script = tmp_path / "ask.sh"
    script.write_text(
        'eval "$(rollcall completion bash)"\n'
        'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rollcall_completion rollcall; echo ${COMPREPLY[@]}; }\n'
        "ask rollcall se\nask rollcall dead-letters s\nask rollcall report x --js\n"
    )
    env = {**os.environ, "PATH": f"{ROLLCALL.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-u", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].split() == ["setup", "send"]
    assert done.stdout.splitlines()[1:] == ["show", "--json"]
