"""A Docker daemon that does not do its work is said, and is never waited for without end."""

import http.server
import json
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import StackError
from devstack.containers import MONGO_IMAGE, fetch_image, why_no_docker

SHORT_SECONDS = 0.3
BOUND_SECONDS = 10


class Handler(http.server.BaseHTTPRequestHandler):
    """The few requests that come before a container is made."""

    server: "Daemon"

    def do_GET(self) -> None:
        if self.path.endswith("/images/json") or "/images/json?" in self.path:
            self._answer(self.server.images)
        else:
            self._answer({"ApiVersion": "1.41"})

    def do_POST(self) -> None:
        self.server.pulls += 1
        if self.server.pull is None:
            self.server.closing.wait()
        else:
            status, body = self.server.pull
            self._answer(body, status)

    def _answer(self, body: object, status: int = 200) -> None:
        said = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def address_string(self) -> str:
        return "docker"

    def log_message(self, *_: object) -> None:
        pass


class Daemon(socketserver.ThreadingUnixStreamServer):
    """A daemon with these images, which answers a pull with this, or not at all."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Handler)
        self.images: list[dict[str, str]] = []
        self.pull: tuple[int, object] | None = None
        self.pulls = 0
        self.closing = threading.Event()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Daemon]:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with Daemon(tmp_path / "docker.sock") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.closing.set()
        server.shutdown()
    pulling = [thread for thread in threading.enumerate() if thread.name.startswith("pull ")]
    for thread in pulling:
        thread.join(BOUND_SECONDS)


def test_a_daemon_that_takes_connections_and_never_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/deaf.sock")
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "deaf.sock"))
        deaf.listen()
        begin = time.monotonic()
        assert (why_no_docker() or "").startswith("Docker is found but not usable: ")
        assert time.monotonic() - begin < BOUND_SECONDS


def test_an_image_that_is_there_is_not_pulled(daemon: Daemon) -> None:
    daemon.images = [{"Id": "sha256:1"}]
    fetch_image(MONGO_IMAGE)
    assert daemon.pulls == 0


def test_an_image_that_is_not_there_is_pulled(daemon: Daemon) -> None:
    daemon.pull = 200, {"status": "Download complete"}
    fetch_image(MONGO_IMAGE)
    assert daemon.pulls > 0


@pytest.mark.parametrize("pull", [(500, {"message": "no such host"}), (200, {"error": "no such host"})])
def test_a_pull_that_fails_is_said_in_the_daemons_words_and_not_tried_again(
    daemon: Daemon, pull: tuple[int, object]
) -> None:
    daemon.pull = pull
    for _ in range(2):
        with pytest.raises(StackError, match=r"no such host \(fix: docker pull "):
            fetch_image(MONGO_IMAGE)
    assert daemon.pulls == 1


def test_a_registry_that_says_nothing_is_waited_for_only_so_long(daemon: Daemon) -> None:
    assert daemon.pull is None
    begin = time.monotonic()
    with pytest.raises(StackError, match=r"cannot be pulled: no data for 0\.3 s"):
        fetch_image(MONGO_IMAGE, silence_seconds=SHORT_SECONDS)
    assert time.monotonic() - begin < BOUND_SECONDS
