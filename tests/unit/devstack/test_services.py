"""Services are started with an environment that says it all, and are waited for."""

import json
import sys
from pathlib import Path

import pytest

from devstack import Stack, StackError
from devstack.processes import free_port
from devstack.services import is_ready, service_env, start_service

STACK = Stack(kafka_bootstrap="127.0.0.1:1", mongo_url="mongodb://127.0.0.1:2", kind="local", durable=True, note="")
SERVER = """
import http.server, sys
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLCALL_KAFKA_BOOTSTRAP", raising=False)
    monkeypatch.delenv("ROLLCALL_MONGO_URL", raising=False)


def test_the_environment_names_the_stack_and_inherits_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_CHUNK_SIZE", "1")
    env = service_env(STACK)
    assert env["ROLLCALL_KAFKA_BOOTSTRAP"] == "127.0.0.1:1"
    assert env["ROLLCALL_MONGO_URL"] == "mongodb://127.0.0.1:2"
    assert "ROLLCALL_CHUNK_SIZE" not in env
    assert "PATH" in env


def test_overrides_are_settings_without_their_prefix() -> None:
    env = service_env(STACK, chunk_size=7, PROVIDERS=[{"name": "one"}], DEFAULT_REGION=None)
    assert env["ROLLCALL_CHUNK_SIZE"] == "7"
    assert json.loads(env["ROLLCALL_PROVIDERS"]) == [{"name": "one"}]
    assert "ROLLCALL_DEFAULT_REGION" not in env


def test_secrets_are_made_up_each_time() -> None:
    assert service_env(STACK)["ROLLCALL_JWT_SECRET"] != service_env(STACK)["ROLLCALL_JWT_SECRET"]


def test_servers_that_were_given_are_not_used_by_the_usual_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_BOOTSTRAP", STACK.kafka_bootstrap)
    monkeypatch.setenv("ROLLCALL_MONGO_URL", STACK.mongo_url)
    env = service_env(STACK)
    assert env["ROLLCALL_TOPIC_PREFIX"] != "communication"
    assert env["ROLLCALL_MONGO_DATABASE"] != "rollcall"


def test_a_service_is_waited_for_and_gone_at_the_end(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with start_service([sys.executable, "-c", SERVER, str(port)], service_env(STACK), url, log=tmp_path / "log"):
        assert is_ready(url)
    assert not is_ready(url)
    assert (tmp_path / "log").read_text().startswith("listening")


def test_a_service_that_ends_instead_is_said_with_its_last_words() -> None:
    args = [sys.executable, "-c", "exit('ROLLCALL_SEALING_KEYS: is not set')"]
    url = f"http://127.0.0.1:{free_port()}/"
    with (
        pytest.raises(StackError, match="exit code 1: ROLLCALL_SEALING_KEYS: is not set"),
        start_service(args, service_env(STACK), url),
    ):
        pass
