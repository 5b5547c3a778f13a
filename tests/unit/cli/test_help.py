"""Help and completion of every command: an example, exit codes, and shell scripts."""

import os
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.main import app
from tests.support.cli_runner import ROLLCALL, run_rollcall


def commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of every command that is not a group."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path
        return
    for name, one in inner.items():
        yield from commands(one, *path, name)


ALL = list(commands(get_command(app)))


def helped(path: tuple[str, ...]) -> str:
    result = run_rollcall(*path, "--help")
    assert result.exit_code == 0
    return " ".join(result.stdout.replace("│", " ").split())


def test_the_help_of_the_program_lists_the_exit_codes() -> None:
    output = helped(())
    assert "Exit codes" in output
    assert "130" in output


def test_all_commands_are_known() -> None:
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
            "tenant",
            "suppressions",
            "consents",
            "audit",
            "providers",
        ),
        *("dead-letters", "token", "doctor", "simulator", "bounces", "completion"),
    }


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_help_shows_an_example_of_the_command(path: tuple[str, ...]) -> None:
    assert f"rollcall {' '.join(path)}" in helped(path).partition("Example:")[2]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_help_lists_the_exit_codes(path: tuple[str, ...]) -> None:
    output = helped(path).partition("Exit codes: ")[2]
    assert output.startswith("0 ")
    assert output.endswith(".")


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_an_unknown_option_is_a_usage_error(path: tuple[str, ...]) -> None:
    assert run_rollcall(*path, "--no-such-option").exit_code == 2


def test_the_version_is_printed() -> None:
    result = run_rollcall("--version")
    assert (result.exit_code, result.stdout) == (0, f"rollcall {version('rollcall')}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str) -> None:
    result = run_rollcall("completion", shell)
    assert result.exit_code == 0
    assert "_ROLLCALL_COMPLETE" in result.stdout


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
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
