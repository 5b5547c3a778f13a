# ruff: noqa: INP001 - copied into an image as a single file
"""Health probe of a container. It ends with 0 if the service answers 200 on the given path, /healthz or /readyz.

It starts every few seconds beside the service, so it imports very little.
"""

import os
import socket
import sys

TIMEOUT_SECONDS = 5
# A container runs one of the two services, so the probe tries both ports.
PORTS = (os.environ.get("ROLLCALL_HTTP_PORT", "8080"), os.environ.get("ROLLCALL_CONSUMER_HTTP_PORT", "8081"))


def is_ok(port: str, path: str) -> bool:
    """Return whether a service on this port answers 200."""
    try:
        with socket.create_connection(("127.0.0.1", int(port)), TIMEOUT_SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            return connection.makefile("rb").readline().split()[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not any(is_ok(port, sys.argv[1]) for port in PORTS))
