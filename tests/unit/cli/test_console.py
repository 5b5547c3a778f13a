"""The program name in lines to copy works in the current folder."""

from pathlib import Path

import pytest

from cli.console import program_name


def executable(folder: Path) -> Path:
    folder.mkdir(parents=True)
    file = folder / "rollcall"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = executable(tmp_path / ".venv" / "bin")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sys.argv", [str(file)])
    return file


def test_a_program_outside_the_path_is_named_relative_to_the_folder(started: Path) -> None:
    assert started.exists()
    assert program_name() == ".venv/bin/rollcall"


def test_a_program_in_another_folder_is_named_with_its_full_path(
    started: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert program_name() == str(started)


def test_a_program_on_the_path_is_named_by_its_name(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(started.parent))
    assert program_name() == "rollcall"


def test_another_program_of_that_name_on_the_path_is_not_used(
    started: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert started.exists()
    monkeypatch.setenv("PATH", str(executable(tmp_path / "other").parent))
    assert program_name() == ".venv/bin/rollcall"
