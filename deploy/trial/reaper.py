# ruff: noqa: INP001 - copied into an image as a single file
"""Stand-in for testcontainers' reaper. When no process is connected any more, it removes containers by label."""

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
    """Docker's API over the socket that is mounted into the container."""

    def connect(self) -> None:
        """Open the socket instead of a TCP connection."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")

    def call(self, method: str, path: str) -> bytes:
        """Return the body of the answer."""
        self.request(method, path)
        return self.getresponse().read()


class Connection(socketserver.StreamRequestHandler):
    """Connection of one process, open for as long as the process needs its containers."""

    connected = 0
    left = threading.Event()
    labels: set[str] = set()  # noqa: RUF012 - all connections share it

    def handle(self) -> None:
        """Store the labels that the process sends, until it disconnects."""
        Connection.connected += 1
        with contextlib.suppress(ConnectionError):  # a killed process ends its connection like this
            for line in self.rfile:
                Connection.labels.add(line.decode().strip().removeprefix("label="))
                self.wfile.write(b"ACK\n")
        Connection.connected -= 1
        Connection.left.set()


class Server(socketserver.ThreadingTCPServer):
    """Server for the connections."""

    daemon_threads = True


def main() -> None:
    """Wait until a process disconnects and does not return. Then remove the containers with its labels."""
    server = Server(("", PORT), Connection)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write("Started!\n")  # testcontainers looks for this
    while True:
        Connection.left.wait()
        Connection.left.clear()
        time.sleep(GRACE_SECONDS)
        if not Connection.connected:
            break
    for label in Connection.labels:
        chosen = urllib.parse.quote(json.dumps({"label": [label]}))
        for container in json.loads(Daemon("docker").call("GET", f"/containers/json?all=1&filters={chosen}")):
            if container["Id"][:12] != socket.gethostname():
                Daemon("docker").call("DELETE", f"/containers/{container['Id']}?force=1&v=1")


main()
