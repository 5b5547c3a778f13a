# ruff: noqa: INP001 - it is copied into an image, alone
"""Speaks what testcontainers asks of its reaper: once nobody is connected any more, containers with a label go."""

import contextlib
import http.client
import json
import os
import socket
import socketserver
import sys
import threading
import time
import urllib.parse

PORT = 8080
GRACE_SECONDS = float(os.environ.get("RYUK_RECONNECTION_TIMEOUT", "10s").rstrip("s"))


class Daemon(http.client.HTTPConnection):
    """Docker's API over the socket that the container is given."""

    def connect(self) -> None:
        """Open the socket instead of a TCP connection."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")

    def ask(self, method: str, path: str) -> bytes:
        """The answer's body."""
        self.request(method, path)
        return self.getresponse().read()


class Guest(socketserver.StreamRequestHandler):
    """One process that holds its connection for as long as it wants its containers."""

    connected = 0
    left = threading.Event()
    labels: set[str] = set()  # noqa: RUF012 - all guests share it

    def handle(self) -> None:
        """Note the labels it names, until it leaves."""
        Guest.connected += 1
        with contextlib.suppress(ConnectionError):  # that is how one leaves who was killed
            for line in self.rfile:
                Guest.labels.add(line.decode().strip().removeprefix("label="))
                self.wfile.write(b"ACK\n")
        Guest.connected -= 1
        Guest.left.set()


class Door(socketserver.ThreadingTCPServer):
    """Where guests come in."""

    daemon_threads = True


def main() -> None:
    """Wait for a guest to leave, allow for its coming back, and remove what carries a label."""
    door = Door(("", PORT), Guest)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    sys.stdout.write("Started!\n")  # testcontainers looks for this
    while True:
        Guest.left.wait()
        Guest.left.clear()
        time.sleep(GRACE_SECONDS)
        if not Guest.connected:
            break
    for label in Guest.labels:
        chosen = urllib.parse.quote(json.dumps({"label": [label]}))
        for container in json.loads(Daemon("docker").ask("GET", f"/containers/json?all=1&filters={chosen}")):
            if container["Id"][:12] != socket.gethostname():
                Daemon("docker").ask("DELETE", f"/containers/{container['Id']}?force=1&v=1")


main()
