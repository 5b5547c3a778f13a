"""The chosen stack is always named, and each missing part comes with a command that fixes it."""

import http.server
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from devstack import Stack, StackError, start_stack
from devstack.containers import why_no_docker


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.delenv("ROLLCALL_KAFKA_BOOTSTRAP", raising=False)


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


class Refusal(http.server.BaseHTTPRequestHandler):
    """Answer as a Docker daemon that exists but does not work."""

    def do_GET(self) -> None:
        self.send_error(500, "the storage driver is broken")

    def address_string(self) -> str:
        return "docker"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def broken_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    with socketserver.UnixStreamServer(str(tmp_path / "docker.sock"), Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
        yield
        server.shutdown()


@pytest.mark.usefixtures("no_docker", "no_java")
def test_without_java_the_in_process_broker_is_taken_and_said(capfd: pytest.CaptureFixture[str]) -> None:
    with start_stack(mongo=False) as stack:
        assert (stack.kind, stack.durable) == ("in-process broker", False)
        producer = Producer({"bootstrap.servers": stack.kafka_bootstrap, "acks": "all"})
        producer.produce("any-topic", "hello")
        assert producer.flush(30) == 0
    said = capfd.readouterr().err
    assert "librdkafka's in-process broker" in said
    assert "Java is not installed (fix: apt-get install -y default-jre-headless)" in said


@pytest.mark.usefixtures("no_docker", "no_java")
def test_without_java_a_durable_kafka_is_refused_with_a_command_that_fixes_it() -> None:
    with (
        pytest.raises(StackError, match=r"Java is not installed \(fix: apt-get install"),
        start_stack(need_durable=True, mongo=False),
    ):
        pass


def test_addresses_in_the_environment_come_first(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_BOOTSTRAP", stack.kafka_bootstrap)
    monkeypatch.setenv("ROLLCALL_MONGO_URL", stack.mongo_url)
    with start_stack() as given:
        assert (given.kind, given.kafka_bootstrap, given.mongo_url) == ("given", stack.kafka_bootstrap, stack.mongo_url)
        assert stack.mongo_url not in given.note, "it may carry a password"


def test_an_address_where_nobody_answers_is_said_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    with (
        pytest.raises(StackError, match=r"no Kafka answers at 127\.0\.0\.1:1 .*unset ROLLCALL_KAFKA_BOOTSTRAP"),
        start_stack(mongo=False),
    ):
        pass


@pytest.mark.usefixtures("no_docker")
def test_no_docker_is_told_from_one_that_does_not_work() -> None:
    assert why_no_docker() == "no Docker daemon answers"


@pytest.mark.usefixtures("broken_docker")
def test_a_docker_that_does_not_work_is_said_and_the_next_way_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLCALL_MONGO_URL", raising=False)
    with start_stack(kafka=False) as stack:
        assert stack.kind == "local"
        assert "Docker is found but not usable" in stack.note


def doctor(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devstack", "doctor"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env | environment)


def test_the_doctor_names_what_there_is_and_which_stack_would_be_taken() -> None:
    said = doctor().stdout
    for name in ("python", "docker", "java", "maven", "libcurl4", "liblzma5", "kafka-4.1.1", "mongod-6.0"):
        assert name in said
    assert said.splitlines()[-1].startswith("stack: Kafka")


def test_the_doctor_gives_a_command_that_fixes_each_problem(tmp_path: Path) -> None:
    empty = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    done = doctor(**empty)
    assert done.returncode == 1
    assert "fix: apt-get install -y default-jre-headless" in done.stdout
    assert "fix: apt-get install -y maven" in done.stdout
    assert "librdkafka's in-process broker" in done.stdout
