"""`make up` stays while one of its services is killed, and its settings can be read into a shell."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from devstack.errors import StackError
from devstack.processes import Child
from devstack.routes import DOCKER, GIVEN, LOCAL, StackRoute
from devstack.services import service_env
from devstack.stack import Stack
from devstack.up import _own_providers, _ports, _settings_file, _watch, welcome
from devstack.watched_server import CHECK_SECONDS, SILENT_CHECKS, WatchedServer
from tests.support.clock import ManualClock


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


STACK = Stack("127.0.0.1:1", "mongodb://127.0.0.1:2", "local", durable=True, note="")


def test_the_callers_providers_replace_the_simulators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    by_file = _own_providers({"ROLLCALL_PROVIDERS_FILE": "mine.toml", "ROLLCALL_PROVIDERS": ""})
    assert by_file == {"PROVIDERS": None, "PROVIDERS_FILE": str(tmp_path / "mine.toml")}
    assert "ROLLCALL_PROVIDERS" not in service_env(STACK, **by_file)
    assert _own_providers({"ROLLCALL_PROVIDERS": "[1]"}) == {"PROVIDERS": "[1]"}
    assert _own_providers({}) == {}


def test_the_callers_ports_go_before_the_usual_ones_and_a_port_in_use_is_left_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = _ports({"ROLLCALL_HTTP_PORT": str(port), "ROLLCALL_CONSUMER_HTTP_PORT": ""})
    assert "HTTP_PORT" not in busy
    assert busy.get("CONSUMER_HTTP_PORT", 8081) == 8081
    assert _ports({"ROLLCALL_HTTP_PORT": str(port)})["HTTP_PORT"] == port


@pytest.mark.parametrize("text", ["http", "0", "70000", "-1"])
def test_what_is_no_port_is_named_before_anything_starts(text: str) -> None:
    with pytest.raises(StackError, match="ROLLCALL_CONSUMER_HTTP_PORT: must be a port, from 1 to 65535"):
        _ports({"ROLLCALL_CONSUMER_HTTP_PORT": text})


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (None, "simulators. Nothing leaves this machine."),
        ("ROLLCALL_PROVIDERS", "yours, from ROLLCALL_PROVIDERS. What you send now really leaves this machine."),
        ("ROLLCALL_PROVIDERS_FILE", "yours, from ROLLCALL_PROVIDERS_FILE=/mine. What you send now really leaves"),
    ],
)
def test_the_welcome_tells_which_providers_are_used_and_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None, line: str
) -> None:
    for variable in ("ROLLCALL_PROVIDERS", "ROLLCALL_PROVIDERS_FILE"):
        monkeypatch.setenv(variable, " ")
    if name:
        monkeypatch.setenv(name, "/mine" if name.endswith("FILE") else "secret")
    env = service_env(STACK, **_own_providers(dict(os.environ)))
    text = welcome(STACK, env, "token", tmp_path / "settings.sh", "Kafka 12, rollcall producer 13")
    assert f"providers  {line}" in text
    assert "processes  Kafka 12, rollcall producer 13\n" in text
    assert "secret" not in text


def test_the_welcome_names_the_settings_of_the_caller_that_have_no_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [name for name in os.environ if name.startswith("ROLLCALL_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("ROLLCALL_HTTP_PORT", "8080")
    assert "not used" not in welcome(STACK, service_env(STACK), "token", tmp_path / "settings.sh", "")
    monkeypatch.setenv("ROLLCALL_ROUTES_FILE", "/mine")
    text = welcome(STACK, service_env(STACK), "token", tmp_path / "settings.sh", "")
    assert "not used   ROLLCALL_ROUTES_FILE. docs/deployment.md" in text
    assert "/mine" not in text


def test_a_dead_kafka_is_told_of_once_with_how_to_start_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka = Child([sys.executable, "-c", "import sys; sys.stdin.read()"], log=tmp_path / "kafka.log")
    server = WatchedServer("Kafka", StackRoute(LOCAL, "127.0.0.1:1", "", child=kafka))
    assert server.pid == kafka.pid
    calls = 0

    def wait(watched: Sequence[object]) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            assert watched == []
            raise KeyboardInterrupt
        kafka.kill()
        raise StackError("it ended")

    with pytest.raises(KeyboardInterrupt):
        _watch(wait, [], tmp_path / "settings.sh", [server])
    output = capsys.readouterr().out
    assert output.count("Kafka has ended with exit code -9.") == 1
    assert "Press Ctrl-C, then run `make up` again. It starts with new, empty data." in output


@pytest.mark.parametrize("kind", [GIVEN, DOCKER])
def test_a_server_of_another_program_has_died_when_it_does_not_answer_several_times(kind: str) -> None:
    clock = ManualClock()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"mongodb://user:secret@127.0.0.1:{listening.getsockname()[1]}/?replicaSet=rs0"
        server = WatchedServer("MongoDB", StackRoute(kind, url, ""), clock)
        assert (server.exit_code(), server.pid) == (None, None)
    codes = []
    for _ in range(SILENT_CHECKS):
        clock.now += CHECK_SECONDS
        codes.append(server.exit_code())
    assert codes == [None] * (SILENT_CHECKS - 1) + [1]
    assert ("Start it again." if kind == GIVEN else "run `make up` again") in server.how_to_continue()
    assert "secret" not in server.how_to_continue()
