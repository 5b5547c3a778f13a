"""`make up` stays while one of its services is killed, and its settings can be read into a shell."""

import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from devstack.errors import StackError
from devstack.processes import Child
from devstack.up import _settings_file, _watch


def test_a_shell_reads_the_settings_as_they_are(tmp_path: Path) -> None:
    env = {"ROLLCALL_PROVIDERS": """[{"name": "it's one"}]""", "ROLLCALL_MONGO_URL": "m://h/?a=b&c=d", "HOME": "/x"}
    file = _settings_file(env, tmp_path)
    said = subprocess.run(
        ["bash", "-euc", f'. {file}; printf "%s\\n" "$ROLLCALL_PROVIDERS" "$ROLLCALL_MONGO_URL"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == [env["ROLLCALL_PROVIDERS"], env["ROLLCALL_MONGO_URL"]]
    assert "HOME" not in file.read_text()


def test_nobody_else_reads_the_settings(tmp_path: Path) -> None:
    assert stat.S_IMODE(_settings_file({"ROLLCALL_JWT_SECRET": "s"}, tmp_path).stat().st_mode) == 0o600


def test_a_killed_service_is_told_of_once_with_how_to_start_it_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waits = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    killed, other = (Child(waits, log=tmp_path / f"{name}.log") for name in ("killed", "other"))
    watched: list[list[int]] = []

    def wait(children: Sequence[Child]) -> None:
        watched.append([child.pid for child in children])
        if len(watched) == 2:
            raise KeyboardInterrupt
        killed.kill()
        raise StackError("one of them ended")

    try:
        with pytest.raises(KeyboardInterrupt):
            _watch(wait, [killed, other], tmp_path / "settings.sh")
        assert watched == [[killed.pid, other.pid], [other.pid]]
        assert other.exit_code() is None
    finally:
        other.kill()
    said = capsys.readouterr().out
    assert said.count("ended with exit code -9") == 1
    assert f". {tmp_path}/settings.sh\n.venv/bin/" in said
