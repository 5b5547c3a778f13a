# ruff: noqa: INP001 - it is copied into an image, alone
"""Ends with 0 when the service of this container answers 200 on the path that is given: /healthz or /readyz.

It is started every few seconds beside the service, so that it imports next to nothing.
"""

import os
import socket
import sys

TIMEOUT_SECONDS = 5
# A container runs one of the two services: whichever listens is asked.
PORTS = (os.environ.get("ROLLCALL_HTTP_PORT", "8080"), os.environ.get("ROLLCALL_CONSUMER_HTTP_PORT", "8081"))


def is_ok(port: str, path: str) -> bool:
    """Whether something listens there and says 200."""
    try:
        with socket.create_connection(("127.0.0.1", int(port)), TIMEOUT_SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            return connection.makefile("rb").readline().split()[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not any(is_ok(port, sys.argv[1]) for port in PORTS))
